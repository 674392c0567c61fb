/*
 * What the files of steps share. Every step makes one call of the library, does
 * the same to the model, and compares what comes out.
 */
#ifndef SHOP_TESTS_STEPS_H
#define SHOP_TESTS_STEPS_H

#include "simulate.h"

/* ---- around a call --------------------------------------------------------- */

/* What is expected of the gateway while the call runs, and nothing else. */
void sim_scene_begin(struct sim *sim, struct scene *scene, int32_t order, int32_t operation);
void sim_scene_end(struct sim *sim);
/* Another program takes the store, sometimes; never inside of a callback. */
bool sim_rival_comes(struct sim *sim);
/* True when the call was kept from its work: then it has told so, and done nothing. */
bool sim_kept_out(struct sim *sim, bool rival, int32_t status);
/* The same for a call that would have asked the gateway. */
void sim_check_kept_out(struct sim *sim, int32_t status, bool has_order);
/* NULL where neither is set. */
shop_options_t *sim_options(struct sim *sim, int32_t key, int64_t version);
int32_t sim_pick_key(struct sim *sim);
/* Mostly one that is good. NOBODY: there is none at all. */
int32_t sim_pick_token(struct sim *sim);
int32_t sim_pick_token_of(struct sim *sim, int32_t user);
int32_t sim_pick_guest(struct sim *sim);
int32_t sim_pick_shopper(struct sim *sim);
int32_t sim_pick_cart(struct sim *sim, int32_t token);
int64_t sim_cart_id(const struct sim *sim, int32_t cart);
int64_t sim_pick_version(struct sim *sim, int32_t cart);
bool sim_is_waiting(const struct m_order *order);
bool sim_is_authorized(const struct m_order *order);
bool sim_is_captured(const struct m_order *order);
bool sim_is_contradicted(const struct m_order *order);
bool sim_is_unknown(const struct m_order *order);
/* Mostly one for which there is something to do. */
int32_t sim_pick_order(struct sim *sim, bool (*is_wanted)(const struct m_order *order));
/* What a call answers that has asked the gateway. */
int32_t sim_asked_outcome(const struct sim *sim, const struct scene *scene, bool live);

/* A token is given: one of the model's from now on. */
void sim_keep_token(struct sim *sim, shop_token_t *token, int32_t user);

/* ---- the steps -------------------------------------------------------------- */

void sim_step_register(struct sim *sim);
void sim_step_login(struct sim *sim);
void sim_step_create_guest(struct sim *sim);
void sim_step_register_guest(struct sim *sim);
void sim_step_login_guest(struct sim *sim);
void sim_step_revoke(struct sim *sim);
void sim_step_verify_token(struct sim *sim);
void sim_step_session(struct sim *sim);
void sim_step_put(struct sim *sim);
void sim_step_adjust(struct sim *sim);
void sim_step_retire(struct sim *sim);
void sim_step_create_cart(struct sim *sim);
void sim_step_change_cart(struct sim *sim);
void sim_create_cart(struct sim *sim, int32_t token);
void sim_change_cart(struct sim *sim, int32_t token);
void sim_step_get_cart(struct sim *sim);
void sim_step_buy(struct sim *sim);
void sim_step_resume(struct sim *sim);
void sim_step_abandon(struct sim *sim);
void sim_step_ask(struct sim *sim, int32_t call);
void sim_step_report(struct sim *sim);
void sim_step_acknowledge(struct sim *sim);

#endif
