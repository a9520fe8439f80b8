package record

// Level is what a version of Ringfence understands of the records: a version
// of level 3 reads rightly whatever records of the levels 1 to 3 say.
//
// # How to add a field
//
// Two kinds of fields must be told apart.
//
// A field that changes nothing of what is enforced (a description, a time): add
// it to the record with omitempty. Versions that do not know it pass over it
// and keep it when they write the object (see Rest), so there is nothing more
// to do.
//
// A field that changes what is enforced when it is set:
//
//  1. Give it a level: a new constant below, by which LevelNow grows. One level
//     serves all fields of one release.
//
//  2. Add it to the record with omitempty, so that a record without it stays
//     byte for byte what it was.
//
//  3. Where the object is turned into its record, say what it needs:
//
//     if len(n.Hosts) > 0 {
//     r.need(LevelPlacement)
//     }
//
// That is all. Update refuses a change that needs more than the level of the
// cluster with ErrLevel, so the field is written only when every host and API
// in the cluster has said that it understands it; and a version that does not
// know it, should it start later, takes the record for unreadable: see
// store/unreadable.go for what that means for each kind of object. A field never
// changes its meaning and is never used again for another one.
//
// A new word of a known field (a direction, a policy) is a new field in this
// sense, and a new kind of object below policy/ too: what it restricts must be
// said by the level of the objects that it restricts.
type Level int

const (
	// LevelFirst is that of the versions from before there were levels. They
	// refuse a record with a field that they do not know.
	LevelFirst Level = 1
	// LevelContract reads records as this file says.
	LevelContract Level = 2

	// LevelPlacement knows networks that never leave the host, and where a NIC
	// may be plugged.
	LevelPlacement Level = 3

	// LevelNow is what this version understands.
	LevelNow = LevelPlacement
)
