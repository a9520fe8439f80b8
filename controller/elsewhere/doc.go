// Package elsewhere finds out which NICs of this host another one serves: one that
// they name first and that has them ready, or one where they are plugged since later.
package elsewhere
