// Package actortest plays remote servers of the fediverse, for tests of Pānui, of
// programs built with it, and of publishers that have nothing to do with it.
package actortest
