// Package hosts is how the hosts are: what they report of themselves, what their relays
// say of them since, and how much of that is believed. A host that has not noticed yet
// that the store was restored from a backup speaks of a policy that is lost, and one that
// has not spoken since may have applied more than the backup knows.
package hosts
