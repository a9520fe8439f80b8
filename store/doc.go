// Package store keeps the policy in etcd and is the only package that knows
// etcd. It commits each mutation as one transaction (Store.Update), hands out
// the policy's history without gaps (Store.Follow), serves reads from a local
// snapshot (Store.Read), carries the status of the hosts (Store.PutHost) and
// questions to them (Store.Ask).
//
// # Keys
//
// Everything lies under Config.Prefix, "/ringfence/v1/" by default:
//
//	policy/accounts/<account>
//	policy/networks/<network>
//	policy/instances/<account>/<instance>
//	policy/nics/<nic>
//	policy/groups/<account>/<group>                          with its rules
//	policy/attachments/<account>/<group>/instance/<instance>
//	policy/attachments/<account>/<group>/nic/<nic>
//	policy/baseline
//	policy/head                                              written by every mutation
//	guard/…                                                  what transactions compare; see dependencies
//	address/<routing domain>/<address>                       the NIC that holds it
//	hosts/<host>                                             written by that host alone
//	plugs/<host>/<nic>                                       written by that host alone, see Plug
//	members/…                                                who understands what, see Cluster; who a host is, see ErrSeatTaken
//	ask/<host>/<id>/question, …/answer                       see Ask; gone soon
//	restored/<mark>                                          what restores of the store have lost, see internal/history
//	extra/…                                                  notes of the callers, see WithNotes
//
// An etcd role for a host needs read on policy/, plugs/ and members/level, write on
// hosts/<host> and plugs/<host>/, and both on ask/<host>/ and members/hosts/<host>/; one
// for the API needs read and write on the whole prefix.
//
// # Revisions
//
// A revision is an etcd revision at which the policy changed. It is always the
// ModRevision of policy/head, so one process never waits for a revision that
// another cannot reach: writes of host status move etcd's own revision, not
// the policy's. The Version of policy/head counts the mutations; a follower
// that sees it skip has lost an event and lists again. Its value has a mark that
// no other mutation has: by it a follower knows an etcd that was restored from a
// backup, in which the same revisions stand for something else, and begins anew.
//
// # Limits of an etcd cluster
//
// etcd takes 128 operations (--max-txn-ops) and 1.5 MiB (--max-request-bytes)
// in a transaction unless told otherwise. Operations and conditions beyond the
// first hundred are nested, which lets about 4,000 through at the default; a
// change that still does not fit is refused with ErrTooLarge and nothing of it
// is written.
//
// An external cluster should compact by itself (--auto-compaction-retention=1h)
// and have a quota (--quota-backend-bytes): the reports of hosts are history
// too. A follower that was away for longer gets the difference instead.
package store
