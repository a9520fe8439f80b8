// Package record has the keys of the store and their values: what is written
// where, and how it is read by this version and by others. It knows neither when
// something is written nor by whom.
package record
