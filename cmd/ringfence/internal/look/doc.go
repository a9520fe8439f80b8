// Package look is the commands under "Look" in the help: what is in force, where, and who changed it.
package look
