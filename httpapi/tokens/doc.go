// Package tokens tells who bears a token: an account, or the platform, and in
// which role. A file has the tokens' hashes.
package tokens
