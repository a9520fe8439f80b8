// Package openid tells who bears a token that an OpenID Connect issuer has
// signed: a second source of identity, beside the file of tokens.
//
// A token counts if it is a JWT (RFC 7519) signed with one of the issuer's keys
// by an algorithm that is allowed, if its issuer and one of its audiences are the
// ones configured, if it has not ended and has begun, and if a grant fits its
// claims, which says the account and the role. Whatever else it says opens
// nothing: there is no default account and no default role.
//
// The issuer is asked for its keys in the background. While it cannot be reached
// the keys that it last confirmed count for at most a day, and a token that no
// known key can have signed is neither taken nor called invalid: who asks is told
// that it cannot be told now. The file of tokens is another source and knows
// nothing of all this.
//
// The same issuer signs people in at the console: by authorization code with
// PKCE (RFC 7636), of which console keeps state, nonce and verifier, and by whose
// end the ID token is a token like any other.
package openid
