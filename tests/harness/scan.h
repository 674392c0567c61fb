/*
 * Looks for secrets in the memory of this very process: all of it that may be
 * written, freed blocks, stacks and the pages of SQLite included. The test keeps its
 * secrets with every bit turned, so that it does not find its own.
 */
#ifndef SHOP_TESTS_SCAN_H
#define SHOP_TESTS_SCAN_H

#include <stddef.h>
#include <stdint.h>

#define SECRET_MAX 128

struct secret {
  unsigned char turned[SECRET_MAX];
  size_t size; /* 8 to SECRET_MAX */
};

/* A new one of printable characters, which nobody has ever seen in the clear. */
void secret_draw(struct secret *secret, size_t size);
/* What is given, which stays with the caller. */
void secret_turn(struct secret *secret, const void *bytes, size_t size);
/* The secret in the clear, with a NUL behind it, in a page of its own; and the end of it. */
char *secret_show(const struct secret *secret);
void secret_hide(char *shown);

/* In how many places at least 8 bytes in a row of any of the secrets stand, as they are or in
   reverse (a word of the other byte order). Without stdio and malloc: they would take the very
   block that was freed last, and wipe what is looked for. */
int32_t secrets_in_memory(const struct secret *secrets, size_t count);

/* Runs fn on a thread with a stack of its own that stays as fn has left it, so that what is looked
   for is not wiped by the looking. */
void run_on_kept_stack(void (*fn)(void *ctx), void *ctx);

#endif
