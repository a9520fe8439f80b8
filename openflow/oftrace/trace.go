package oftrace

// Trace is what ofproto/trace says of one packet.
type Trace struct {
	// Passes are the ways through the tables: one, and one more for each
	// recirculation, in the order of the text.
	Passes []Pass
	// Unknown are the lines that this package has no place for.
	Unknown []Line
}

// Line is a line of the text, numbered from 1.
type Line struct {
	Number int
	Text   string
}

// Pass is one way of the packet from a table to the end of its translation.
type Pass struct {
	Recirc  uint32 // the recirculation id that begins the pass; 0 for the first
	CTState string // what conntrack is taken to say, "new|trk"; "" if it is not asked
	// CTDefault: nobody said what conntrack says, the switch took new.
	CTDefault bool
	NAT       []string // how the packet's addresses were replaced before the pass
	Flow      string   // the packet's fields at the start
	Bridges   []string
	Resumed   []string // what a resumed translation starts with
	Steps     []Step
	Notes     []Note // that belong to no step
	Final     string // the packet's fields at the end, "unchanged" if they are those of Flow
	Megaflow  string
	Datapath  string   // the datapath actions
	Failed    string   // why the translation failed, which drops the packet; "" if it did not
	SlowPath  []string // why the packet goes through userspace
}

// Step is a flow that the packet met in a table, or none.
type Step struct {
	Table    uint8
	Miss     string // what the switch says instead of a flow: "No match."
	Match    string // without the priority, "" for a flow that matches everything
	Priority int
	Cookie   uint64
	Actions  []Action
}

// Action is an action as the switch carries it out, with what it says about it.
type Action struct {
	Text  string
	Notes []Note
}

// Note is a remark of the switch.
type Note struct {
	Level NoteLevel
	Text  string
}

// NoteLevel says how serious a note is.
type NoteLevel uint8

// The levels: " -> ", " >> " and " >>>> <<<<" in the text.
const (
	Detail NoteLevel = iota
	Warning
	Error
)

func (l NoteLevel) String() string { return [...]string{"detail", "warning", "error"}[min(l, Error)] }

// Outputs are the ports that the packet leaves by, as the datapath actions of
// all passes name them, in their order.
func (t *Trace) Outputs() []string {
	var out []string
	for _, p := range t.Passes {
		out = append(out, p.Outputs()...)
	}
	return out
}

// last is the pass that is being read, nil before the first.
func (t *Trace) last() *Pass {
	if len(t.Passes) == 0 {
		return nil
	}
	return &t.Passes[len(t.Passes)-1]
}
