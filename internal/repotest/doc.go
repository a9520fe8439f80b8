// Package repotest holds the repository's own rules as tests, each with its
// reason: who may import whom, one package comment a package, files that can
// be read in one sitting, nothing that ties the repository to one machine.
package repotest
