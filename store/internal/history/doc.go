// Package history is which history the store has: which write of the policy a
// revision stands for, and which writes were lost when etcd was restored from a backup.
//
// etcd gives the revisions of what was lost out again, so a number alone does not say
// which write is meant; the mark of the write does, see record.Write.
package history
