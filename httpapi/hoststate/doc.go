// Package hoststate shows how hosts are by their reports: in the API's answers and
// in its metrics, and for how long each has been behind the policy.
package hoststate
