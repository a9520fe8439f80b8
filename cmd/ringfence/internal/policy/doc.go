// Package policy is the commands under "Policy" in the help: groups, their rules, where they are attached, accounts, and policies in files.
package policy
