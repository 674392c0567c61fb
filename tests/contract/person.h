/*
 * A person of whom the store holds something in every table that can: a shop with
 * her and a neighbour, for the tests of what is told of a user and what is erased.
 */
#ifndef SHOP_TESTS_PERSON_H
#define SHOP_TESTS_PERSON_H

#include <harness.h>

#define PERSON_EMAIL "Ada.Lovelace@Example.org"
#define PERSON_SECOND_EMAIL "Second.Ada@example.org"
#define PERSON_PASSWORD "a horse of another colour"
#define PERSON_SHIPPING "Ada \"Countess\"\n12 Analytical Street\nLondon \\ England"
#define PERSON_LABEL "the countess's phone"
#define PERSON_NOTE "Byron's daughter \xE2\x98\x95"
#define NEIGHBOUR_EMAIL "neighbour@example.net"

struct person {
  struct world *world;
  shop_token_t *token;     /* that is good */
  shop_token_t *neighbour; /* somebody else's */
  int64_t user_id;
  char number[20]; /* of the order that is paid, and partly refunded */
};

/* Of her: a paid order with everything on it, one that was declined, one that waits for her
   step, whose cart is held; a registration that waits; mail sent, failed and queued, with codes and without; codes,
   sessions, refresh tokens, a known source, a wrong password, idempotency keys. */
struct person person_new(void);
/* With the setting of world_prepare's config changed before. */
struct person person_in(struct world *world);
void person_free(struct person *person);

#endif
