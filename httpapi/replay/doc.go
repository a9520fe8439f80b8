// Package replay keeps the answers that are given again to whoever asks again with the
// same Idempotency-Key.
package replay
