/*
 * Settings of a shop, one setter for each. Everything has a default that is
 * good for production; a config that was only made and given to `shop_open`
 * is right, and so is NULL. Payment callbacks are in gateway.h, the mail
 * transport in mail.h.
 *
 * Every setter answers SHOP_OK; SHOP_ERR_ARGUMENT for a NULL config or a value
 * out of its range (the old value stays); those with a text also SHOP_ERR_TEXT,
 * SHOP_ERR_TOO_LONG and SHOP_ERR_NO_MEMORY.
 */
#ifndef SHOP_CONFIG_H
#define SHOP_CONFIG_H

#include "shop/common.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Makes a config with the defaults.
 *
 * @param out receives it; freed by `shop_config_free`, any time after `shop_open`
 * @return SHOP_OK; SHOP_ERR_ARGUMENT when out is NULL; SHOP_ERR_NO_MEMORY
 * @since 0.1.0
 */
SHOP_API int32_t shop_config_new(shop_config_t **out);
/** Frees a config. NULL is harmless. @since 0.1.0 */
SHOP_API void shop_config_free(shop_config_t *config);

/** The shop's name in mails: 1 to 200 bytes, one line. Default "Shop".
    @since 0.1.0 */
SHOP_API int32_t shop_config_set_name(shop_config_t *config, const char *name);

/** The mailbox that mails come from; its domain also ends each Message-ID.
    Default "shop@localhost.localdomain". @return also SHOP_ERR_EMAIL
    @since 0.1.0 */
SHOP_API int32_t shop_config_set_mail_from(shop_config_t *config, const char *mailbox);

/** The language of mails to readers whose own is not known, or has no template
    (template.h): a tag of BCP 47, such as "de" or "pt-BR". Default "en".
    @since 0.1.0 */
SHOP_API int32_t shop_config_set_language(shop_config_t *config, const char *language);

/** How surely a commit is on the disk when a call returns. */
enum shop_durability {
  /** Every commit is synced. What was reported survives a power cut. */
  SHOP_DURABILITY_FULL = 0,
  /** Only commits that hold a payment's progress are synced. A power cut may
      take back the newest of the others, never half of one; a killed process
      loses nothing. Faster for carts and registrations. */
  SHOP_DURABILITY_NORMAL = 1
};
/** Default SHOP_DURABILITY_FULL. @since 0.1.0 */
SHOP_API int32_t shop_config_set_durability(shop_config_t *config, int32_t durability);

/** How long a call waits for another process that holds the store, before it
    answers SHOP_ERR_BUSY: 0 to 600,000 ms. Default 5,000. @since 0.1.0 */
SHOP_API int32_t shop_config_set_busy_timeout_ms(shop_config_t *config, int64_t timeout_ms);

/** How tokens are signed. */
enum shop_token_algorithm {
  /** HMAC-SHA-256 (RFC 7518 3.2): fast; only this shop can check a token. */
  SHOP_TOKEN_HS256 = 1,
  /** ECDSA on P-256 with SHA-256 (RFC 7518 3.4). */
  SHOP_TOKEN_ES256 = 2
};
/** Which key new tokens are signed with; it is made at the first open that
    asks for it and kept in the store. Tokens of the other algorithm that this
    shop has issued stay good. Default SHOP_TOKEN_HS256. @since 0.1.0 */
SHOP_API int32_t shop_config_set_token_algorithm(shop_config_t *config, int32_t algorithm);

/** The claim "iss" of tokens, 1 to 255 bytes; tokens with another issuer are
    refused. Default "libshop". @since 0.1.0 */
SHOP_API int32_t shop_config_set_token_issuer(shop_config_t *config, const char *issuer);

/** How long a token that comes with a refresh token is good (`shop_token_refresh`):
    1,000 ms to 10 years, such as 15 minutes; rounded down to whole seconds. 0,
    the default: registering and logging in give one token without a refresh
    token, good as long as `shop_config_set_token_life_ms` says.
    @since 0.1.0 */
SHOP_API int32_t shop_config_set_access_life_ms(shop_config_t *config, int64_t life_ms);
/** How long one may go on refreshing after a login, 1,000 ms to 10 years. Default
    90 days. @since 0.1.0 */
SHOP_API int32_t shop_config_set_refresh_life_ms(shop_config_t *config, int64_t life_ms);
/** How long a refresh token may lie unused, 1,000 ms to 10 years. Default 30
    days. @since 0.1.0 */
SHOP_API int32_t shop_config_set_refresh_idle_ms(shop_config_t *config, int64_t idle_ms);

/** The claim "aud" of tokens (RFC 7519 4.1.3): whom they are meant for, such as
    this shop among several with one issuer. 1 to 255 bytes; NULL, the default:
    none. With one set, tokens without it are refused; with none set, tokens
    with one are. @since 0.1.0 */
SHOP_API int32_t shop_config_set_token_audience(shop_config_t *config, const char *audience);

/** By how much the clocks of the machines that use the tokens may differ: 0 to
    600,000 ms. A token is good that much longer, and that much earlier than its
    claim "nbf" says (which is a minute before "iat" already, so that a clock
    set back a little logs nobody out). Default 0. @since 0.1.0 */
SHOP_API int32_t shop_config_set_token_skew_ms(shop_config_t *config, int64_t skew_ms);

/** How long a new token is good: 1,000 ms to 10 years (315,360,000,000 ms);
    rounded down to whole seconds. Default 30 days. @since 0.1.0 */
SHOP_API int32_t shop_config_set_token_life_ms(shop_config_t *config, int64_t life_ms);

/** What one Argon2id hash costs: memory 8 to 4,194,304 KiB, passes 1 to 64.
    Default 19,456 KiB and 2 passes (the minimum that OWASP names). A stored
    hash of another cost is replaced at the user's next login. @since 0.1.0 */
SHOP_API int32_t shop_config_set_password_cost(shop_config_t *config, int32_t memory_kib,
                                               int32_t passes);

/** How many hashes run at once, 1 to 1,024; others wait for their turn. So
    registrations and logins never take more than this times the memory of one
    hash. Default 2. @since 0.1.0 */
SHOP_API int32_t shop_config_set_password_parallel(shop_config_t *config, int32_t count);

/** Lines of a cart, 1 to 1,000. Default 200. @since 0.1.0 */
SHOP_API int32_t shop_config_set_cart_lines_max(shop_config_t *config, int32_t count);

/** Pieces in one cart line, 1 to 1,000,000. Default 999. @since 0.1.0 */
SHOP_API int32_t shop_config_set_quantity_max(shop_config_t *config, int32_t count);

/**
 * Replaces the system's clock, for tests and for hosts with a time of their
 * own. No rule about money depends on it. It is called from any thread, also
 * with locks held: it must be quick and must not call the library.
 *
 * @param now_ms answers the time in ms since 1970, UTC; NULL: the system's
 * @since 0.1.0
 */
SHOP_API int32_t shop_config_set_clock(shop_config_t *config, int64_t (*now_ms)(void *user),
                                       void *user);

/** How bad a log line is. */
enum shop_log_level { SHOP_LOG_INFO = 1, SHOP_LOG_WARNING = 2, SHOP_LOG_ERROR = 3 };

/**
 * Where diagnostics go: things that the caller of the moment cannot act on,
 * such as a callback that contradicts itself. Called on the caller's thread
 * with no lock and no transaction; may call the library. The text is UTF-8,
 * one line, and holds no secret.
 *
 * @param log NULL: nowhere, the default
 * @since 0.1.0
 */
SHOP_API int32_t shop_config_set_log(shop_config_t *config,
                                     void (*log)(void *user, int32_t level, const char *text),
                                     void *user);

#ifdef __cplusplus
}
#endif
#endif
