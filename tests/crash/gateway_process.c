/* The bank: gateway_process.h says what for. One thread for each call, so that a
   slow one holds up nobody. */
#include "gateway_process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct question {
  int32_t kind; /* 0: "is everything done?" */
  bool query;
  char key[80];
  char payment_key[80];
  char currency[4];
  int64_t amount_minor;
};

enum answer_kind { ANSWER_NOT_FOUND = 1, ANSWER_ACTION, ANSWER_PENDING, ANSWER_STATE };

struct answer {
  int32_t kind;
  struct bank_entry entry;
};

static void fail(const char *what) {
  fprintf(stderr, "bank: %s: %s\n", what, strerror(errno));
  abort();
}

static void lock(struct bank_books *books) {
  if (pthread_mutex_lock(&books->lock) == EOWNERDEAD)
    pthread_mutex_consistent(&books->lock);
}

static void unlock(struct bank_books *books) {
  pthread_mutex_unlock(&books->lock);
}

/* ---- the books; with their lock held ---------------------------------------------- */

static struct bank_entry *find(struct bank_books *books, const char *key) {
  for (int32_t i = 0; i < books->count; i++)
    if (strcmp(books->entries[i].key, key) == 0)
      return &books->entries[i];
  return NULL;
}

static struct bank_entry *add(struct bank_books *books, const struct question *question) {
  struct bank_entry *entry = &books->entries[books->count];

  if (books->count == BANK_ENTRIES_MAX)
    fail("the books are full");
  *entry = (struct bank_entry){.kind = question->kind,
                               .state = BANK_REFUSED,
                               .way = books->way,
                               .amount_minor = question->amount_minor};
  memcpy(entry->key, question->key, sizeof entry->key);
  memcpy(entry->payment_key, question->payment_key, sizeof entry->payment_key);
  memcpy(entry->currency, question->currency, sizeof entry->currency);
  snprintf(entry->reference, sizeof entry->reference, "re_%d", books->count + 1);
  books->count++; /* last: an entry that is counted is whole */
  return entry;
}

/* The charge that an operation is about. */
static struct bank_entry *charge_of(struct bank_books *books, const struct question *question) {
  struct bank_entry *entry = find(books, question->payment_key);

  return entry != NULL && entry->kind == SHOP_OPERATION_CHARGE ? entry : NULL;
}

static int64_t given_back(const struct bank_books *books, const char *payment_key) {
  int64_t sum = 0;

  for (int32_t i = 0; i < books->count; i++)
    if (books->entries[i].kind == SHOP_OPERATION_REFUND && books->entries[i].state == BANK_DONE &&
        strcmp(books->entries[i].payment_key, payment_key) == 0)
      sum += books->entries[i].amount_minor;
  return sum;
}

static int32_t first_state(int32_t way) {
  switch ((enum bank_way)way) {
  case BANK_TAKES:
    return BANK_DONE;
  case BANK_AUTHORIZES:
    return BANK_HELD;
  case BANK_DECLINES:
    return BANK_REFUSED;
  case BANK_TAKES_LATER:
  case BANK_DECLINES_LATER:
  case BANK_ASKS_SHOPPER:
  case BANK_ASKS_IN_VAIN:
    break;
  }
  return BANK_WAITING;
}

/* By the time that it is asked again, what had to wait is decided. */
static void decide(struct bank_entry *entry) {
  if (entry->state != BANK_WAITING)
    return;
  if (entry->way == BANK_TAKES_LATER || entry->way == BANK_ASKS_SHOPPER)
    entry->state = BANK_DONE;
  else if (entry->way == BANK_DECLINES_LATER)
    entry->state = BANK_REFUSED;
}

static bool was_voided_before(const struct bank_books *books, const char *key) {
  for (int32_t i = 0; i < books->count; i++)
    if (books->entries[i].kind == SHOP_OPERATION_VOID && books->entries[i].state == BANK_VOIDED &&
        strcmp(books->entries[i].payment_key, key) == 0)
      return true;
  return false;
}

static struct bank_entry *take_charge(struct bank_books *books, const struct question *question) {
  bool dead = was_voided_before(books, question->key);
  struct bank_entry *entry = add(books, question);

  entry->amount_minor += books->amount_off_minor;
  entry->state = dead                   ? BANK_VOIDED
                 : books->is_on_its_way ? BANK_ON_ITS_WAY
                                        : first_state(entry->way);
  return entry;
}

static struct bank_entry *take_capture(struct bank_books *books, const struct question *question) {
  struct bank_entry *charge = charge_of(books, question);
  struct bank_entry *entry = add(books, question);

  if (charge == NULL || charge->state != BANK_HELD || entry->amount_minor > charge->amount_minor)
    return entry;
  entry->amount_minor += books->amount_off_minor;
  charge->amount_minor = entry->amount_minor; /* the rest is freed */
  charge->state = BANK_DONE;
  entry->state = BANK_DONE;
  return entry;
}

/* Also of a charge that has not arrived yet: it will find the void there. */
static struct bank_entry *take_void(struct bank_books *books, const struct question *question) {
  struct bank_entry *charge = charge_of(books, question);
  struct bank_entry *entry = add(books, question);

  if (charge != NULL && charge->state == BANK_DONE)
    return entry;
  if (charge != NULL && charge->state != BANK_REFUSED)
    charge->state = BANK_VOIDED;
  entry->state = BANK_VOIDED;
  return entry;
}

static struct bank_entry *take_refund(struct bank_books *books, const struct question *question) {
  struct bank_entry *charge = charge_of(books, question);
  int64_t left = charge == NULL || charge->state != BANK_DONE
                     ? 0
                     : charge->amount_minor - given_back(books, question->payment_key);
  struct bank_entry *entry = add(books, question);

  if (entry->amount_minor > left)
    return entry;
  entry->amount_minor += books->amount_off_minor;
  entry->state = BANK_DONE;
  return entry;
}

static struct bank_entry *carry_out(struct bank_books *books, const struct question *question) {
  switch ((enum shop_operation_kind)question->kind) {
  case SHOP_OPERATION_CHARGE:
    return take_charge(books, question);
  case SHOP_OPERATION_CAPTURE:
    return take_capture(books, question);
  case SHOP_OPERATION_VOID:
    return take_void(books, question);
  case SHOP_OPERATION_REFUND:
    return take_refund(books, question);
  }
  fail("asked for nothing");
  return NULL;
}

static struct answer answer_of(const struct bank_entry *entry) {
  struct answer answer = {.kind = ANSWER_STATE};

  if (entry == NULL || entry->state == BANK_ON_ITS_WAY)
    return (struct answer){.kind = ANSWER_NOT_FOUND};
  answer.entry = *entry;
  if (entry->state == BANK_WAITING)
    answer.kind = entry->way == BANK_ASKS_SHOPPER || entry->way == BANK_ASKS_IN_VAIN
                      ? ANSWER_ACTION
                      : ANSWER_PENDING;
  return answer;
}

static struct answer consult(struct bank_books *books, const struct question *question) {
  struct bank_entry *entry = find(books, question->key);

  if (entry != NULL && books->forgets_keys && !question->query)
    entry = NULL;
  if (question->query)
    books->queries++;
  else
    books->calls++;
  if (entry != NULL)
    decide(entry);
  else if (!question->query)
    entry = carry_out(books, question);
  return answer_of(entry);
}

/* ---- the process -------------------------------------------------------------------- */

struct call {
  struct bank_books *books;
  atomic_int *active;
  int fd;
};

static void sleep_ms(int32_t ms) {
  struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};

  (void)nanosleep(&time, NULL);
}

static bool loses(struct bank_books *books, const struct question *question,
                  const struct answer *answer) {
  if (books->loses_answers > 0) {
    books->loses_answers--;
    return true;
  }
  return !question->query && answer->kind == ANSWER_NOT_FOUND; /* it is on its way */
}

static void serve(const struct call *call, const struct question *question) {
  struct answer answer;
  int32_t times, slow_ms;

  lock(call->books);
  answer = consult(call->books, question);
  times = loses(call->books, question, &answer) ? 0 : call->books->answers_twice ? 2 : 1;
  slow_ms = call->books->slow_ms;
  unlock(call->books);
  sleep_ms(slow_ms);
  for (int32_t i = 0; i < times; i++)
    (void)send(call->fd, &answer, sizeof answer, MSG_NOSIGNAL); /* he may be dead */
}

static void *serve_call(void *arg) {
  struct call call = *(struct call *)arg;
  struct question question;
  char done = 1;

  free(arg);
  if (recv(call.fd, &question, sizeof question, 0) == sizeof question) {
    if (question.kind != 0) {
      serve(&call, &question);
    } else {
      while (atomic_load(call.active) > 1)
        sleep_ms(1);
      (void)send(call.fd, &done, 1, MSG_NOSIGNAL);
    }
  }
  close(call.fd);
  atomic_fetch_sub(call.active, 1);
  return NULL;
}

static void run(struct bank_books *books, int door, int life) {
  static atomic_int active;
  struct pollfd ends[2] = {{.fd = door, .events = POLLIN}, {.fd = life, .events = POLLIN}};
  pthread_attr_t how;

  pthread_attr_init(&how);
  pthread_attr_setdetachstate(&how, PTHREAD_CREATE_DETACHED);
  for (;;) {
    struct call *call;
    pthread_t thread;

    if (poll(ends, 2, -1) < 0)
      continue;
    if (ends[1].revents != 0)
      _exit(0);
    call = malloc(sizeof *call);
    if (call == NULL)
      fail("malloc");
    *call = (struct call){books, &active, accept(door, NULL, NULL)};
    atomic_fetch_add(&active, 1); /* before the next one can ask whether all is done */
    if (call->fd < 0 || pthread_create(&thread, &how, serve_call, call) != 0)
      fail("accept");
  }
}

static int open_door(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  int door = socket(AF_UNIX, SOCK_SEQPACKET, 0);

  snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
  if (door < 0 || bind(door, (struct sockaddr *)&address, sizeof address) != 0 ||
      listen(door, 64) != 0)
    fail(path);
  return door;
}

static struct bank_books *map_books(const char *dir) {
  char path[200];
  struct bank_books *books;
  pthread_mutexattr_t how;
  int fd;

  snprintf(path, sizeof path, "%s/bank.books", dir);
  fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
  if (fd < 0 || ftruncate(fd, sizeof *books) != 0)
    fail(path);
  books = mmap(NULL, sizeof *books, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (books == MAP_FAILED)
    fail(path);
  close(fd);
  pthread_mutexattr_init(&how);
  pthread_mutexattr_setpshared(&how, PTHREAD_PROCESS_SHARED);
  pthread_mutexattr_setrobust(&how, PTHREAD_MUTEX_ROBUST);
  pthread_mutex_init(&books->lock, &how);
  pthread_mutexattr_destroy(&how);
  return books;
}

void bank_start(struct bank *bank, const char *dir) {
  int ends[2], door;

  bank->books = map_books(dir);
  snprintf(bank->path, sizeof bank->path, "%s/bank.sock", dir);
  door = open_door(bank->path);
  if (pipe(ends) != 0)
    fail("pipe");
  fflush(NULL);
  bank->pid = fork();
  if (bank->pid < 0)
    fail("fork");
  if (bank->pid == 0) {
    close(ends[1]);
    run(bank->books, door, ends[0]);
  }
  close(ends[0]);
  close(door);
  bank->life = ends[1];
}

void bank_stop(struct bank *bank) {
  close(bank->life);
  (void)waitpid(bank->pid, NULL, 0);
  (void)munmap(bank->books, sizeof *bank->books);
}

/* ---- the shop's side --------------------------------------------------------------------- */

static struct bank_line dial(struct bank *bank, const struct question *question) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  struct bank_line line = {socket(AF_UNIX, SOCK_SEQPACKET, 0)};

  snprintf(address.sun_path, sizeof address.sun_path, "%s", bank->path);
  if (line.fd < 0 || connect(line.fd, (struct sockaddr *)&address, sizeof address) != 0 ||
      send(line.fd, question, sizeof *question, MSG_NOSIGNAL) != sizeof *question)
    fail("the shop cannot reach it");
  return line;
}

struct bank_line bank_ask(struct bank *bank, const shop_gateway_call_t *call, bool query) {
  struct question question = {.kind = shop_gateway_call_kind(call),
                              .query = query,
                              .amount_minor = shop_gateway_call_amount_minor(call)};

  snprintf(question.key, sizeof question.key, "%s", shop_gateway_call_key(call));
  snprintf(question.payment_key, sizeof question.payment_key, "%s",
           shop_gateway_call_payment_key(call));
  snprintf(question.currency, sizeof question.currency, "%s", shop_gateway_call_currency(call));
  return dial(bank, &question);
}

static void say_done(shop_gateway_call_t *call, const struct bank_entry *entry) {
  if (entry->kind == SHOP_OPERATION_REFUND)
    (void)shop_gateway_call_set_refunded(call, entry->reference, entry->amount_minor,
                                         entry->currency);
  else
    (void)shop_gateway_call_set_captured(call, entry->reference, entry->amount_minor,
                                         entry->currency);
}

static void say(shop_gateway_call_t *call, const struct answer *answer) {
  const struct bank_entry *entry = &answer->entry;

  if (answer->kind == ANSWER_NOT_FOUND)
    (void)shop_gateway_call_set_not_found(call);
  else if (answer->kind == ANSWER_PENDING)
    (void)shop_gateway_call_set_pending(call, entry->reference);
  else if (answer->kind == ANSWER_ACTION)
    (void)shop_gateway_call_set_action_required(call, entry->reference, "https://bank.example/3ds");
  else if (entry->state == BANK_DONE)
    say_done(call, entry);
  else if (entry->state == BANK_HELD)
    (void)shop_gateway_call_set_authorized(call, entry->reference, entry->amount_minor,
                                           entry->currency);
  else if (entry->state == BANK_VOIDED)
    (void)shop_gateway_call_set_voided(call);
  else
    (void)shop_gateway_call_set_declined(call, "no");
}

void bank_hear(struct bank_line line, shop_gateway_call_t *call) {
  struct answer answer;

  while (recv(line.fd, &answer, sizeof answer, 0) == sizeof answer)
    say(call, &answer);
  close(line.fd);
}

void bank_charge(shop_gateway_call_t *call, void *user) {
  bank_hear(bank_ask(user, call, false), call);
}

void bank_query(shop_gateway_call_t *call, void *user) {
  bank_hear(bank_ask(user, call, true), call);
}

/* ---- the test's side --------------------------------------------------------------------------
 */

void bank_settle(struct bank *bank) {
  struct bank_line line = dial(bank, &(struct question){.kind = 0});
  char done;

  if (recv(line.fd, &done, 1, 0) != 1)
    fail("it is gone");
  close(line.fd);
}

void bank_land(struct bank *bank) {
  lock(bank->books);
  for (int32_t i = 0; i < bank->books->count; i++)
    if (bank->books->entries[i].state == BANK_ON_ITS_WAY)
      bank->books->entries[i].state = first_state(bank->books->entries[i].way);
  unlock(bank->books);
}

void bank_reset(struct bank *bank, int32_t count) {
  struct bank_books *books = bank->books;

  lock(books);
  books->count = count;
  books->way = BANK_TAKES;
  books->forgets_keys = books->is_on_its_way = books->answers_twice = false;
  books->loses_answers = books->slow_ms = books->calls = books->queries = 0;
  books->amount_off_minor = 0;
  unlock(books);
}

int64_t bank_taken(struct bank *bank, const char *payment_key, int64_t *held) {
  int64_t taken = 0;

  *held = 0;
  lock(bank->books);
  for (int32_t i = 0; i < bank->books->count; i++) {
    const struct bank_entry *entry = &bank->books->entries[i];

    if (entry->kind != SHOP_OPERATION_CHARGE || strcmp(entry->key, payment_key) != 0)
      continue;
    taken += entry->state == BANK_DONE ? entry->amount_minor : 0;
    *held += entry->state == BANK_HELD ? entry->amount_minor : 0;
  }
  taken -= given_back(bank->books, payment_key);
  unlock(bank->books);
  return taken;
}

int32_t bank_charges(struct bank *bank, const char *key) {
  int32_t charges = 0;

  lock(bank->books);
  for (int32_t i = 0; i < bank->books->count; i++)
    charges += bank->books->entries[i].kind == SHOP_OPERATION_CHARGE &&
               bank->books->entries[i].state == BANK_DONE &&
               strcmp(bank->books->entries[i].key, key) == 0;
  unlock(bank->books);
  return charges;
}

bool bank_knows(struct bank *bank, const char *key) {
  bool knows;

  lock(bank->books);
  knows = find(bank->books, key) != NULL;
  unlock(bank->books);
  return knows;
}
