/* The steps of the simulation: each makes one call of some kind, with random
   arguments, does the same to the model, and compares what comes out. Now and
   then another program holds the store, and the call must change nothing. */
#include "steps.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- mail, upkeep, the file
 * --------------------------------------------------------------------------------- */

/* The wait for the next try has some chance in it: where that would decide, more time passes, so
   that a seed is always the same life. */
static bool chance_decides(const struct model *model) {
  for (int32_t i = 0; i < model->mail_count; i++)
    if (model_mail_may_be_due(model, &model->mails[i]) !=
        model_mail_is_due(model, &model->mails[i]))
      return true;
  return false;
}

void sim_deliver(struct sim *sim) {
  struct scene scene;
  int32_t delivered = -1, status;

  while (chance_decides(sim->model))
    sim_clock(sim, HOUR);
  sim_scene_begin(sim, &scene, NOBODY, 0);
  scene.delivering = true;
  status = shop_mail_deliver(sim->shop, 1000, &delivered, sim->err);
  sim_log(sim, "deliver: %s, %d", shop_status_name(status), delivered);
  sim_status(sim, status, scene.mail_lost ? SHOP_ERR_BUSY : SHOP_OK);
  sim_equal(sim, "delivered", delivered, scene.delivered);
  for (int32_t i = 0; i < sim->model->mail_count && !scene.mail_lost; i++)
    sim_check(sim, !model_mail_is_due(sim->model, &sim->model->mails[i]), "mail %d of %s was left",
              (int)sim->model->mails[i].kind,
              sim->model->orders[sim->model->mails[i].order].number);
  sim_scene_end(sim);
}

/* As a host does that must not block: takes some, answers most, twice or not at all. */
static void step_take_mail(struct sim *sim) {
  struct scene scene;
  shop_mail_t *mail = NULL;

  while (chance_decides(sim->model))
    sim_clock(sim, HOUR);
  for (int32_t count = 1 + sim_below(sim, 4); count > 0; count--) {
    enum mail_answer answer = (enum mail_answer)sim_below(sim, 3);
    struct m_mail *taken;
    bool rival = sim_rival_comes(sim);
    int32_t status = shop_mail_take(sim->shop, NULL, &mail, sim->err);

    sim_log(sim, "take: %s, %s", shop_status_name(status), shop_mail_order_number(mail));
    if (rival) {
      sim_unlock(sim);
      sim_check(sim, status == SHOP_ERR_BUSY || (status == SHOP_OK && mail == NULL),
                "mail is taken from a held store");
    } else {
      sim_status(sim, status, SHOP_OK);
    }
    for (int32_t i = 0; i < sim->model->mail_count && mail == NULL && !rival; i++)
      sim_check(sim, !model_mail_is_due(sim->model, &sim->model->mails[i]), "mail %d of %s was left",
                (int)sim->model->mails[i].kind,
                sim->model->orders[sim->model->mails[i].order].number);
    if (mail == NULL)
      break;
    sim_scene_begin(sim, &scene, NOBODY, 0);
    taken = sim_take(sim, shop_mail_order_number(mail), shop_mail_kind(mail),
                     shop_mail_message(mail));
    if (sim_chance(sim, 85)) {
      static const int32_t outcomes[] = {SHOP_MAIL_DELIVERED, SHOP_MAIL_LATER, SHOP_MAIL_REJECTED};

      status = shop_mail_done(sim->shop, mail, outcomes[answer], NULL, NULL, sim->err);
      sim_status(sim, status, SHOP_OK);
      model_mail_answer(sim->model, taken, answer);
    } else {
      taken->silent = true;
    }
    sim_scene_end(sim);
    shop_mail_free(mail);
    mail = NULL;
  }
}

static void step_maintain(struct sim *sim) {
  shop_maintenance_t *done = NULL;
  struct upkeep wanted = model_maintain(sim->model);
  int32_t status = shop_maintain(sim->shop, &done, sim->err);

  sim_log(sim, "maintain: %s", shop_status_name(status));
  sim_status(sim, status, SHOP_OK);
  sim_equal(sim, "ended holds", shop_maintenance_holds(done), wanted.holds);
  sim_equal(sim, "expired carts", shop_maintenance_carts(done), wanted.carts);
  sim_equal(sim, "pruned keys", shop_maintenance_keys(done), wanted.keys);
  sim_equal(sim, "pruned tokens", shop_maintenance_tokens(done), wanted.tokens);
  sim_equal(sim, "guests who are gone", shop_maintenance_guests(done), wanted.guests);
  sim_equal(sim, "forgotten mails", shop_maintenance_mails(done), wanted.mails);
  shop_maintenance_free(done);
}

void sim_reopen(struct sim *sim) {
  sim_log(sim, "reopen");
  sim_status(sim, shop_close(sim->shop), SHOP_OK);
  sim->shop = NULL;
  if (sim_chance(sim, 50))
    sim_draw_limits(sim);
  sim_status(sim, shop_open(sim->path, sim->config, &sim->shop, sim->err), SHOP_OK);
}

/* To the very moment at which something ends, or the one before. */
static void to_the_edge(struct sim *sim) {
  const struct model *model = sim->model;
  int64_t edge = model->now_ms;

  if (model->token_count > 0 && sim_chance(sim, 20)) {
    edge = model->tokens[model->token_count - 1].expires_ms;
  } else if (model->cart_count > 0 && sim_chance(sim, 30)) {
    const struct m_cart *cart = &model->carts[model->cart_count - 1];

    if (cart->hold_start_ms > 0)
      edge = cart->hold_start_ms +
             (sim_chance(sim, 70) ? cart->hold_length_ms : 2 * model->settings.cart_hold_ms);
  } else if (model->guest_count > 0 && sim_chance(sim, 10)) {
    edge = model->users[USERS + sim_below(sim, model->guest_count)].came_ms +
           model->settings.guest_life_ms + 1;
  } else if (model->order_count > 0) {
    const struct m_order *order = &model->orders[sim_pick_order(sim, sim_is_waiting)];
    const struct m_operation *operation = &order->operations[0];
    const int64_t edges[] = {operation->lease_start_ms + operation->lease_length_ms,
                             operation->created_ms + model->settings.key_life_ms,
                             order->held_since_ms + model->settings.hold_ms};

    if (order->operation_count > 0)
      edge = edges[sim_below(sim, 3)];
  }
  sim_clock(sim, edge - model->now_ms - sim_below(sim, 2));
}

static void step_clock(struct sim *sim) {
  static const int64_t jumps[] = {1,        700,  1000,      1000,     MINUTE,    3 * MINUTE,
                                  HOUR,     -1,   -MINUTE,   DAY,      -5 * HOUR, -DAY,
                                  30 * DAY, YEAR, -30 * DAY, -2 * YEAR};
  int32_t mood = sim_below(sim, 100);

  if (sim_chance(sim, 15)) {
    to_the_edge(sim);
    return;
  }
  sim_clock(sim, jumps[sim_below(sim, mood < 70 ? 6 : mood < 97 ? 10 : 16)]);
}

/* ---- choosing
 * ------------------------------------------------------------------------------------------------
 */

void sim_step_aside(struct sim *sim) {
  switch (sim_below(sim, 7)) {
  case 0:
    sim_step_put(sim);
    break;
  case 1:
    sim_step_retire(sim);
    break;
  case 2:
    sim_step_adjust(sim);
    break;
  case 3:
    sim_step_revoke(sim);
    break;
  case 4:
    sim_step_login_guest(sim);
    break;
  default:
    sim_step_change_cart(sim);
  }
}

static void step_capture(struct sim *sim) {
  sim_step_ask(sim, CALL_CAPTURE);
}

static void step_refund(struct sim *sim) {
  sim_step_ask(sim, CALL_REFUND);
}

static void step_cancel(struct sim *sim) {
  sim_step_ask(sim, CALL_CANCEL);
}

static void step_resolve(struct sim *sim) {
  if (sim->model->order_count > 0)
    sim_resolve(sim, sim_pick_order(sim, sim_is_unknown), !sim->lies || sim_chance(sim, 50));
}

static void step_moves(struct sim *sim) {
  sim_gateway_moves(sim, false);
}

void sim_step(struct sim *sim) {
  static const struct {
    int32_t weight;
    void (*step)(struct sim *sim);
  } steps[] = {{15, sim_step_register},
               {35, sim_step_login},
               {30, sim_step_create_guest},
               {10, sim_step_register_guest},
               {30, sim_step_login_guest},
               {6, sim_step_revoke},
               {4, sim_step_verify_token},
               {30, sim_step_session},
               {20, sim_step_create_cart},
               {190, sim_step_change_cart},
               {15, sim_step_get_cart},
               {130, sim_step_buy},
               {40, sim_step_resume},
               {25, sim_step_abandon},
               {70, sim_step_report},
               {40, sim_recover},
               {15, step_resolve},
               {8, sim_step_acknowledge},
               {35, step_capture},
               {45, step_refund},
               {35, step_cancel},
               {25, sim_step_put},
               {20, sim_step_adjust},
               {5, sim_step_retire},
               {20, sim_deliver},
               {12, step_take_mail},
               {3, step_maintain},
               {6, sim_reopen},
               {70, step_clock},
               {40, step_moves},
               {4, sim_compare_all},
               {0, NULL}};
  int32_t sum = 0, at;

  for (int32_t i = 0; steps[i].step != NULL; i++)
    sum += steps[i].weight;
  at = sim_below(sim, sum);
  for (int32_t i = 0; steps[i].step != NULL; i++) {
    at -= steps[i].weight;
    if (at < 0) {
      steps[i].step(sim);
      return;
    }
  }
}
