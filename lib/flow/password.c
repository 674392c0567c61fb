/* Passwords: which new ones are accepted, and the peppers that go into their
   hashes. The hashing itself is below, in lib/secret. */
#include <string.h>

#include "flow.h"

#define PEPPER_BYTES_MIN 16
#define PEPPER_BYTES_MAX 128
/* Characters; who must have more than 64 could not use what ASVS 2.1.2 wants allowed. */
#define LENGTH_MIN 8
#define LENGTH_MIN_MAX 64

/* ---- settings ----------------------------------------------------------------------- */

static bool is_pepper(const void *pepper, size_t size) {
  return pepper != NULL && size >= PEPPER_BYTES_MIN && size <= PEPPER_BYTES_MAX;
}

int32_t shop_config_set_password_pepper(shop_config_t *config, const void *pepper,
                                        size_t pepper_bytes) {
  bool none = pepper == NULL && pepper_bytes == 0;

  if (config == NULL || (!none && !is_pepper(pepper, pepper_bytes)))
    return SHOP_ERR_ARGUMENT;
  if (none)
    shop__memory_wipe(&config->peppers.each[0], sizeof config->peppers.each[0]);
  else
    shop__pepper_make(pepper, pepper_bytes, &config->peppers.each[0]);
  return SHOP_OK;
}

int32_t shop_config_add_password_pepper_old(shop_config_t *config, const void *pepper,
                                            size_t pepper_bytes) {
  int32_t at = 1;

  if (config == NULL || !is_pepper(pepper, pepper_bytes))
    return SHOP_ERR_ARGUMENT;
  while (at < SHOP__PEPPERS_MAX && config->peppers.each[at].id[0] != '\0')
    at++;
  if (at == SHOP__PEPPERS_MAX)
    return SHOP_ERR_ARGUMENT;
  shop__pepper_make(pepper, pepper_bytes, &config->peppers.each[at]);
  return SHOP_OK;
}

int32_t shop_config_set_password_length_min(shop_config_t *config, int32_t characters) {
  if (config == NULL || characters < LENGTH_MIN || characters > LENGTH_MIN_MAX)
    return SHOP_ERR_ARGUMENT;
  config->password_length_min = characters;
  return SHOP_OK;
}

int32_t shop_config_set_password_check(shop_config_t *config, shop_password_fn check, void *user) {
  if (config == NULL)
    return SHOP_ERR_ARGUMENT;
  config->password_check = check;
  config->password_check_user = user;
  return SHOP_OK;
}

/* ---- how long it is --------------------------------------------------------------------- */

/* How many bytes the character has; what is not UTF-8 is a character for each byte. */
static size_t character_bytes(const char *text) {
  static const uint8_t leads[] = {0xc2, 0xe0, 0xf0, 0xf5}; /* of two, three, four; of none */
  size_t more = 0, i = 1;

  while (more < 3 && (uint8_t)text[0] >= leads[more])
    more++;
  if ((uint8_t)text[0] >= leads[3])
    more = 0;
  while (i <= more && ((uint8_t)text[i] & 0xc0) == 0x80)
    i++;
  return i == more + 1 ? i : 1;
}

/* Spaces in a row count as one: they are soon guessed. */
static int32_t count_characters(const char *password) {
  int32_t count = 0;

  for (const char *at = password; *at != '\0'; at += character_bytes(at))
    if (at == password || at[0] != ' ' || at[-1] != ' ')
      count++;
  return count;
}

static int32_t check_length(const shop_t *shop, const char *password, shop_error_t *err) {
  int32_t min = shop->config.password_length_min;
  int32_t status = shop__password_length(password, err);

  if (status == SHOP_OK && count_characters(password) < min)
    status = shop__error_set(err, SHOP_ERR_PASSWORD, "A password has at least %d characters.", min);
  return status;
}

/* ---- what the host says ---------------------------------------------------------------- */

enum verdict { VERDICT_NONE, VERDICT_ACCEPTED, VERDICT_REFUSED, VERDICT_BOTH };

struct shop_password_call {
  const char *password;
  const char *email;
  int verdict; /* enum verdict */
};

const char *shop_password_call_password(const shop_password_call_t *call) {
  return call == NULL ? "" : call->password;
}

const char *shop_password_call_email(const shop_password_call_t *call) {
  return call == NULL ? "" : call->email;
}

static int32_t answer(shop_password_call_t *call, int verdict) {
  if (call == NULL)
    return SHOP_ERR_ARGUMENT;
  call->verdict |= verdict;
  return SHOP_OK;
}

int32_t shop_password_call_set_accepted(shop_password_call_t *call) {
  return answer(call, VERDICT_ACCEPTED);
}

int32_t shop_password_call_set_refused(shop_password_call_t *call) {
  return answer(call, VERDICT_REFUSED);
}

static int32_t ask_host(shop_t *shop, const char *email, const char *password, shop_error_t *err) {
  shop_password_call_t call = {.password = password, .email = email};
  struct shop__callback callback;

  if (shop->config.password_check == NULL)
    return SHOP_OK;
  shop__callback_begin(shop, &callback);
  shop->config.password_check(&call, shop->config.password_check_user);
  shop__callback_end(shop, &callback);
  if (call.verdict == VERDICT_ACCEPTED)
    return shop__same_process(shop, err);
  if (call.verdict == VERDICT_REFUSED)
    return shop__error_set(err, SHOP_ERR_PASSWORD_REFUSED,
                           "the host does not accept this password: choose another one");
  return shop__error_set(err, SHOP_ERR_PASSWORD_UNCHECKED,
                         "the host's password check gave no clear answer: try again later");
}

int32_t shop__new_password_check(shop_t *shop, const char *email, const char *password,
                                 shop_error_t *err) {
  char key[SHOP__EMAIL_BYTES];
  int32_t status = check_length(shop, password, err);

  if (status != SHOP_OK)
    return status;
  if (shop__password_is_common(password))
    return shop__error_set(err, SHOP_ERR_PASSWORD_COMMON,
                           "the password is one of the 10,000 commonest: choose another one");
  if (shop__email_parse(email, key, NULL) == SHOP_OK && shop__password_is_address(password, key))
    return shop__error_set(err, SHOP_ERR_PASSWORD_COMMON,
                           "the password is the user's own address: choose another one");
  return ask_host(shop, email, password, err);
}

/* ---- peppers that the store knows --------------------------------------------------------- */

/* Which peppers have been in use is noted when one is first given, so that a
   missing one is seen at open and not at somebody's login. */
struct pepper_check {
  const struct shop__peppers *peppers;
  bool noted;                         /* result: the one for new hashes is in the store */
  char unused[SHOP__PEPPER_ID_BYTES]; /* result: not given, and nobody's any more */
};

static int32_t look_at_peppers_fn(shop__tx_t *tx, void *ctx) {
  struct pepper_check *check = ctx;
  const char *id = NULL;
  char missing[SHOP__PEPPER_ID_BYTES] = "";
  bool used = false;
  shop__query_t *q = shop__peppers_each(tx);
  int32_t status;

  check->noted = false;
  check->unused[0] = '\0';
  while ((status = shop__peppers_next(q, &id)) == SHOP__ROW) {
    if (shop__pepper_find(check->peppers, id) == NULL && strlen(id) < sizeof missing)
      memcpy(missing, id, strlen(id) + 1);
    check->noted |= strcmp(id, check->peppers->each[0].id) == 0;
  }
  if (status == SHOP_OK && missing[0] != '\0')
    status = shop__user_has_pepper(tx, missing, &used);
  if (status != SHOP_OK)
    return status;
  if (used)
    return shop__error_set(shop__tx_error(tx), SHOP_ERR_PEPPER,
                           "the store has passwords with a pepper that was not given: set it");
  memcpy(check->unused, missing, sizeof check->unused);
  return SHOP_OK;
}

static int32_t note_peppers_fn(shop__tx_t *tx, void *ctx) {
  struct pepper_check *check = ctx;
  int32_t status = look_at_peppers_fn(tx, ctx);

  if (status == SHOP_OK && check->unused[0] != '\0')
    status = shop__pepper_delete(tx, check->unused);
  if (status == SHOP_OK && !check->noted && check->peppers->each[0].id[0] != '\0')
    status = shop__pepper_insert(tx, check->peppers->each[0].id);
  return status;
}

int32_t shop__peppers_open(shop_t *shop, shop_error_t *err) {
  struct pepper_check check = {.peppers = &shop->config.peppers};
  int32_t status = shop__db_read(shop->db, look_at_peppers_fn, &check, err);

  while (status == SHOP_OK &&
         (check.unused[0] != '\0' || (!check.noted && check.peppers->each[0].id[0] != '\0'))) {
    status = shop__db_write(shop->db, note_peppers_fn, &check, NULL, err);
    if (status == SHOP_OK)
      status = shop__db_read(shop->db, look_at_peppers_fn, &check, err);
  }
  return status;
}
