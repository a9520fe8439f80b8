// Package embedded is an etcd inside this process, of one member, for who has no
// other: "ringfence dev" and tests.
package embedded
