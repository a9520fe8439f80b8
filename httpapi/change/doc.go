// Package change decodes what requests ask to be changed into mutations, a
// transaction into many, and shows what becomes of them.
package change
