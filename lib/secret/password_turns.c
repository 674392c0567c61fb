/*
 * Turns: a bounded number of places, given out in the order of asking.
 *
 * Each waiter sleeps on a condition of its own and a place that becomes free is
 * handed to the first of them, so that nobody who comes later can overtake.
 */
#include "secret_password.h"

#include <time.h>

struct shop__waiter {
  pthread_cond_t wake;
  bool granted;
  struct shop__waiter *next;
};

int32_t shop__turns_init(struct shop__turns *turns, int32_t taken_max) {
  turns->taken = 0;
  turns->taken_max = taken_max;
  turns->first = NULL;
  turns->last = NULL;
  if (pthread_condattr_init(&turns->monotonic) != 0) {
    return SHOP_ERR_NO_MEMORY;
  }
  if (pthread_condattr_setclock(&turns->monotonic, CLOCK_MONOTONIC) != 0 ||
      pthread_mutex_init(&turns->lock, NULL) != 0) {
    (void)pthread_condattr_destroy(&turns->monotonic);
    return SHOP_ERR_NO_MEMORY;
  }
  return SHOP_OK;
}

void shop__turns_destroy(struct shop__turns *turns) {
  (void)pthread_mutex_destroy(&turns->lock);
  (void)pthread_condattr_destroy(&turns->monotonic);
}

static void append(struct shop__turns *turns, struct shop__waiter *waiter) {
  if (turns->last != NULL) {
    turns->last->next = waiter;
  } else {
    turns->first = waiter;
  }
  turns->last = waiter;
}

static void leave(struct shop__turns *turns, const struct shop__waiter *waiter) {
  struct shop__waiter *before = NULL;
  struct shop__waiter *at = turns->first;
  while (at != NULL && at != waiter) {
    before = at;
    at = at->next;
  }
  if (at == NULL) {
    return;
  }
  if (before != NULL) {
    before->next = at->next;
  } else {
    turns->first = at->next;
  }
  if (turns->last == at) {
    turns->last = before;
  }
}

/* Sleeps with the lock held as condition variables do. A place that came in
   the same instant as the deadline is kept: it is counted already. */
static int32_t wait_for_place(struct shop__turns *turns, int64_t deadline_us) {
  struct shop__waiter me = {.granted = false, .next = NULL};
  if (pthread_cond_init(&me.wake, &turns->monotonic) != 0) {
    return SHOP_ERR_NO_MEMORY;
  }
  append(turns, &me);
  const struct timespec until = {.tv_sec = (time_t)(deadline_us / 1000000),
                                 .tv_nsec = (long)(deadline_us % 1000000) * 1000};
  int failed = 0;
  while (!me.granted && failed == 0) {
    failed = deadline_us == 0 ? pthread_cond_wait(&me.wake, &turns->lock)
                              : pthread_cond_timedwait(&me.wake, &turns->lock, &until);
  }
  if (!me.granted) {
    leave(turns, &me);
  }
  (void)pthread_cond_destroy(&me.wake);
  return me.granted ? SHOP_OK : SHOP_ERR_DEADLINE;
}

int32_t shop__turns_take(struct shop__turns *turns, int64_t deadline_us, struct shop__turn *turn) {
  /* A thread that were cancelled here would leave a waiter on a dead stack, or
     a place taken for ever. */
  (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &turn->cancel_state);
  int32_t status = SHOP_OK;
  turn->waited = false;
  (void)pthread_mutex_lock(&turns->lock);
  if (deadline_us != 0 && shop__clock_monotonic_us() >= deadline_us) {
    status = SHOP_ERR_DEADLINE;
  } else if (turns->taken < turns->taken_max) {
    turns->taken++;
  } else {
    turn->waited = true;
    status = wait_for_place(turns, deadline_us);
  }
  (void)pthread_mutex_unlock(&turns->lock);
  if (status != SHOP_OK) {
    (void)pthread_setcancelstate(turn->cancel_state, NULL);
  }
  return status;
}

void shop__turns_give(struct shop__turns *turns, const struct shop__turn *turn) {
  (void)pthread_mutex_lock(&turns->lock);
  struct shop__waiter *heir = turns->first;
  if (heir != NULL) {
    turns->first = heir->next;
    if (turns->first == NULL) {
      turns->last = NULL;
    }
    heir->granted = true; /* the place changes hands, so `taken` stays */
    (void)pthread_cond_signal(&heir->wake);
  } else {
    turns->taken--;
  }
  (void)pthread_mutex_unlock(&turns->lock);
  (void)pthread_setcancelstate(turn->cancel_state, NULL);
}
