// Package audit has the entries of the audit log, how they are read, and for how
// long they are kept.
package audit
