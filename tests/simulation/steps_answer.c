/* Steps by which answers come: reports, a person's decision, recovery. */
#include "steps.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- reports, decisions, recovery
 * --------------------------------------------------------------------- */

static int32_t call_report(struct sim *sim, const char *key, int32_t event,
                           const struct answer *answer, shop_order_t **order) {
  shop_payment_report_t *report = NULL;
  char text[24];
  int32_t status;

  snprintf(text, sizeof text, "event-%d", event);
  sim_check(sim, shop_payment_report_new(&report) == SHOP_OK, "out of memory");
  (void)shop_payment_report_set_event_id(report, text);
  if (key[0] != '\0')
    (void)shop_payment_report_set_key(report, key);
  if (answer->reference[0] != '\0')
    (void)shop_payment_report_set_reference(report, answer->reference);
  (void)shop_payment_report_set_outcome(report, answer->outcome);
  if (answer->amount != 0)
    (void)shop_payment_report_set_amount(report, answer->amount, answer->currency);
  status = shop_payment_report(sim->shop, report, order, sim->err);
  shop_payment_report_free(report);
  return status;
}

/* Takes the report into the model; its status. */
static int32_t model_report(struct sim *sim, const char *key, int32_t event,
                            const struct answer *answer, struct m_order **order) {
  struct model *model = sim->model;
  struct m_operation *operation = model_find(model, key, answer->reference, order);
  bool contradicts = false;
  int32_t at = 0;

  while (at < model->event_count && model->events[at].event != event)
    at++;
  sim_check(sim, at < EVENTS_MAX, "too many events");
  if (at == model->event_count) {
    model->events[at].event = event;
    model->events[at].matched = false;
    model->event_count++;
  }
  if (operation == NULL)
    return SHOP_UNMATCHED;
  if (!model->events[at].matched) /* new, or fitted nothing until now */
    contradicts = model_settle(model, *order, operation, answer, true);
  else
    model->mismatches = false;
  model->events[at].matched = true;
  if (contradicts)
    return SHOP_CONTRADICTION;
  if (model->mismatches)
    return SHOP_MISMATCH;
  return model_operation_outcome(*order, operation) == SHOP_MISMATCH ? SHOP_MISMATCH : SHOP_OK;
}

static struct answer draw_answer(struct sim *sim, const char *key, bool truly) {
  const struct entry *entry = sim_entry(sim, key);
  struct answer answer = {.outcome = 1 + sim_below(sim, 7)};

  if (truly)
    answer = entry == NULL ? (struct answer){.outcome = 0} : sim_truth(entry);
  if (answer.outcome == 0)
    answer.outcome = SHOP_OUTCOME_DECLINED;
  if (answer.amount == 0 &&
      (answer.outcome == SHOP_OUTCOME_CAPTURED || answer.outcome == SHOP_OUTCOME_AUTHORIZED ||
       answer.outcome == SHOP_OUTCOME_REFUNDED)) {
    answer.amount = entry == NULL || sim_chance(sim, 20) ? 77 : entry->asked;
    snprintf(answer.currency, 4, "%s", entry == NULL ? "EUR" : entry->asked_currency);
    snprintf(answer.reference, sizeof answer.reference, "%s",
             entry == NULL ? "ref_none" : entry->reference);
  }
  return answer;
}

void sim_report(struct sim *sim, const struct m_operation *about, bool truly) {
  char key[80] = "shop_unknown_1";
  struct m_order *at = NULL;
  const struct entry *entry;
  shop_order_t *order = NULL;
  struct answer answer;
  struct scene scene;
  int32_t event, status, wanted;
  bool rival;

  if (about != NULL)
    snprintf(key, sizeof key, "%s", about->key);
  entry = sim_entry(sim, key);
  /* An honest gateway reports what is so, or nothing. */
  if (!sim->lies && about != NULL && (entry == NULL || !truly || entry->fate == 0))
    return;
  answer = draw_answer(sim, key, truly);
  /* "Too late" is no report about a void: the charge has its own. */
  if (entry != NULL && entry->kind == SHOP_OPERATION_VOID &&
      answer.outcome == SHOP_OUTCOME_CAPTURED)
    return;
  if (entry == NULL)
    answer.reference[0] = '\0';
  if (entry != NULL && answer.reference[0] != '\0' && sim_chance(sim, 30))
    key[0] = '\0';
  event = sim->event_count > 0 && sim_chance(sim, 10) && sim->lies
              ? 1 + sim_below(sim, sim->event_count)
              : ++sim->event_count;
  rival = sim_rival_comes(sim);
  sim_scene_begin(sim, &scene, NOBODY, 0);
  if (!rival)
    wanted = model_report(sim, key, event, &answer, &at);
  else
    wanted = SHOP_ERR_BUSY;
  status = call_report(sim, key, event, &answer, &order);
  sim_scene_end(sim);
  sim_log(sim, "report %d of %s '%s': %d, %lld: %s", event, key, answer.reference, answer.outcome,
          (long long)answer.amount, shop_status_name(status));
  if (rival)
    sim_unlock(sim);
  sim_status(sim, status, wanted);
  if (order != NULL)
    sim_compare_order(sim, order, at);
  sim_equal(sim, "an order", order != NULL, at != NULL && wanted != SHOP_ERR_BUSY);
  shop_order_free(order);
  /* Webhooks come twice. */
  if (!rival && sim_chance(sim, 20)) {
    sim_scene_begin(sim, &scene, NOBODY, 0);
    wanted = model_report(sim, key, event, &answer, &at);
    status = call_report(sim, key, event, &answer, NULL);
    sim_scene_end(sim);
    sim_status(sim, status, wanted);
  }
}

void sim_step_report(struct sim *sim) {
  struct m_order *order;
  int32_t operation;

  if (sim->model->order_count == 0 || sim_chance(sim, 3)) {
    sim_report(sim, NULL, false);
    return;
  }
  order = &sim->model->orders[sim_pick_order(sim, sim_chance(sim, 50) ? sim_is_waiting : NULL)];
  if (order->operation_count == 0)
    return;
  operation = sim_below(sim, order->operation_count);
  if (order->operations[operation].key[0] != '*')
    sim_report(sim, &order->operations[operation], !sim->lies || sim_chance(sim, 70));
}

void sim_resolve(struct sim *sim, int32_t index, bool truly) {
  struct m_order *at = &sim->model->orders[index];
  struct m_operation *unknown = NULL;
  const struct entry *entry;
  struct answer answer;
  struct scene scene;
  shop_order_t *order = NULL;
  int32_t status, wanted = SHOP_ERR_STATE;

  for (int32_t i = 0; i < at->operation_count; i++)
    if (at->operations[i].state == SHOP_OPERATION_UNKNOWN)
      unknown = &at->operations[i];
  entry = unknown == NULL ? NULL : sim_entry(sim, unknown->key);
  if (truly && entry != NULL &&
      (entry->fate == SHOP_OUTCOME_PENDING || entry->fate == SHOP_OUTCOME_ACTION_REQUIRED))
    return; /* a person who looks sees that it is not decided */
  answer = draw_answer(sim, unknown == NULL ? "" : unknown->key, truly);
  if (answer.outcome == SHOP_OUTCOME_PENDING || answer.outcome == SHOP_OUTCOME_ACTION_REQUIRED)
    answer = (struct answer){.outcome = SHOP_OUTCOME_DECLINED};
  sim_scene_begin(sim, &scene, NOBODY, 0);
  if (unknown != NULL && !sim_fits(unknown->kind, answer.outcome, true)) {
    wanted = SHOP_ERR_ARGUMENT;
  } else if (unknown != NULL) {
    (void)model_settle(sim->model, at, unknown, &answer, false);
    wanted = model_operation_outcome(at, unknown) == SHOP_MISMATCH ? SHOP_MISMATCH : SHOP_OK;
  }
  status = shop_payment_resolve(sim->shop, at->number, answer.outcome,
                                answer.reference[0] == '\0' ? NULL : answer.reference,
                                answer.amount, answer.currency[0] == '\0' ? NULL : answer.currency,
                                "Eve has looked", NULL, &order, sim->err);
  sim_scene_end(sim);
  sim_log(sim, "resolve %s: %d, %lld: %s", at->number, answer.outcome, (long long)answer.amount,
          shop_status_name(status));
  sim_status(sim, status, wanted);
  if (order != NULL)
    sim_compare_order(sim, order, at);
  shop_order_free(order);
}

/* A person has looked at what cannot both be. */
void sim_step_acknowledge(struct sim *sim) {
  struct m_order *at;
  shop_order_t *order = NULL;
  int32_t status, wanted = SHOP_ERR_STATE;

  if (sim->model->order_count == 0)
    return;
  at = &sim->model->orders[sim_pick_order(sim, sim_is_contradicted)];
  if (at->number[0] == '\0')
    return;
  if (sim_rival_comes(sim)) {
    status = shop_payment_acknowledge(sim->shop, at->number, "Eve", NULL, &order, sim->err);
    sim_check_kept_out(sim, status, order != NULL);
    return;
  }
  if (sim_is_contradicted(at)) {
    wanted = SHOP_OK;
    for (int32_t i = 0; i < at->operation_count; i++)
      if (model_is_unfinished(&at->operations[i]))
        wanted = SHOP_ERR_STATE;
  }
  if (wanted == SHOP_OK)
    at->attention &= ~CONTRADICTION;
  status = shop_payment_acknowledge(sim->shop, at->number, "Eve has looked", NULL, &order,
                                    sim->err);
  sim_log(sim, "acknowledge %s: %s", at->number, shop_status_name(status));
  sim_status(sim, status, wanted);
  sim_equal(sim, "an order", order != NULL, wanted == SHOP_OK);
  if (order != NULL)
    sim_compare_order(sim, order, at);
  shop_order_free(order);
}

void sim_recover(struct sim *sim) {
  shop_recovery_t *recovery = NULL;
  struct m_order *order = NULL;
  struct scene scene;
  bool rival = sim_rival_comes(sim), due, kept_out;
  int32_t status;

  sim_scene_begin(sim, &scene, NOBODY, 0);
  scene.began_ms = sim->model->now_ms;
  scene.limit = sim_chance(sim, 20) ? 1 + sim_below(sim, 3) : 1000;
  sim_log(sim, "recover %d", scene.limit);
  if (rival) {
    due = model_next_due(sim->model, scene.began_ms, &order) != NULL ||
          model_some_hold_is_over(sim->model);
    status = shop_recover(sim->shop, scene.limit, &recovery, sim->err);
    sim_status(sim, status, due ? SHOP_ERR_BUSY : SHOP_OK);
    shop_recovery_free(recovery);
    sim_scene_end(sim);
    sim_unlock(sim);
    return;
  }
  scene.recovering = true;
  status = shop_recover(sim->shop, scene.limit, &recovery, sim->err);
  if (scene.mail_lost) /* the store is still held when the next one is to be taken */
    scene.lost = scene.lost || (scene.examined < scene.limit &&
                                model_next_due(sim->model, scene.began_ms, &order) != NULL);
  if (!scene.lost) {
    sim_check(sim, !scene.voids, "a void was expected");
    sim_check(sim, sim_recovery_next(sim, &order) == NULL, "recovery has left %s out",
              order->number);
    sim_turn_end(sim);
  }
  sim_scene_end(sim);
  /* Last of all it ends holds that are over. */
  kept_out = scene.lost || (scene.mail_lost && model_some_hold_is_over(sim->model));
  if (!kept_out)
    (void)model_end_holds(sim->model);
  sim_log(sim, "  %s: %s", shop_status_name(status), shop_recovery_text(recovery));
  sim_status(sim, status, kept_out ? SHOP_ERR_BUSY : SHOP_OK);
  if (status == SHOP_OK) {
    sim_equal(sim, "examined", shop_recovery_examined(recovery), scene.examined);
    sim_equal(sim, "recovered: placed", shop_recovery_placed(recovery), scene.placed);
    sim_equal(sim, "recovered: failed", shop_recovery_failed(recovery), scene.failed);
    sim_equal(sim, "recovered: finished", shop_recovery_finished(recovery), scene.finished);
    sim_equal(sim, "recovered: waiting", shop_recovery_waiting(recovery), scene.waiting);
    sim_equal(sim, "recovered: unknown", shop_recovery_unknown(recovery), scene.unknown);
  }
  shop_recovery_free(recovery);
}
