// Package output is what a command reads from and writes to: tables for people, the API's documents for programs.
package output
