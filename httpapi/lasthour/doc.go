// Package lasthour remembers what one API process has seen of the last hour: how
// far hosts were behind, how many connections began, and what was dropped while
// somebody looked. It rests on what hosts report anyway and on what they answered
// when they were asked; it asks nobody, and writes nothing. What the process has
// not seen, because it was not there or because a host was silent, is a gap.
package lasthour
