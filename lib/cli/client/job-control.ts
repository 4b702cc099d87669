// Stopping and going on: Ctrl-Z, fg, SIGTSTP, SIGCONT. The composition root passes it to the Ui; specs pass fakes. What ends
// the program is in ending.ts.

export interface JobControl {
  /** Stops this process and the others of its foreground group, e.g. `npm run`. May return without having stopped. */
  stop(): void
  /** Somebody asks this process to stop (kill -TSTP). Returns how to unsubscribe. */
  onStop(fn: () => void): () => void
  /** It goes on. */
  onContinue(fn: () => void): () => void
}

/** What of `process` is needed here. */
export interface SignalSource {
  on(event: string, listener: () => void): unknown
  off(event: string, listener: () => void): unknown
  kill(pid: number, signal: string): unknown
}

export function jobControl(source: SignalSource): JobControl {
  const stopListeners = new Set<() => void>()
  return {
    stop() {
      // With a listener the signal would come to us instead of stopping us.
      for (const fn of stopListeners) source.off('SIGTSTP', fn)
      try {
        // The whole group: stopping only ourselves leaves shell and wrapper stuck under npm run and npx.
        source.kill(0, 'SIGTSTP')
      } catch {
        // no job control here (Windows): the caller's timer brings the prompt back
      }
      for (const fn of stopListeners) source.on('SIGTSTP', fn)
    },
    onStop(fn) {
      stopListeners.add(fn)
      source.on('SIGTSTP', fn)
      return () => {
        stopListeners.delete(fn)
        source.off('SIGTSTP', fn)
      }
    },
    onContinue(fn) {
      source.on('SIGCONT', fn)
      return () => source.off('SIGCONT', fn)
    },
  }
}
