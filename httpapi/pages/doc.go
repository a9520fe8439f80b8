// Package pages has what is kept between the pages of a list: the cursor, which the
// caller keeps, and the order of a group's members.
package pages
