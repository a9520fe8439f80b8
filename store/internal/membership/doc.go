// Package membership is who is a member of a cluster, what each understands, and the
// level that follows from it: what every API and every host can read, up to which
// records may be written.
//
// An API joins by a key with a lease; of hosts those count that report, and what they
// say of themselves where they take a seat. APIs keep the level, in one key; every
// write that needs more than the first level rests on the revision of that key.
package membership
