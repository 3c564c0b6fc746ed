/** Shares the process between long computations and everybody else: one slice of one of them in a turn of the event loop. */

export interface Sliced {
  /** Goes on until the work is over or `performance.now()` is past `untilMs`. @returns true when it is over */
  advance(untilMs: number): boolean
}

interface Job {
  readonly work: Sliced
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** No longer than a few small requests take together. */
const sliceMs = 5

/** Of the whole process: a hundred computations at once hold it up no longer than one. */
const jobs: Job[] = []

/** Resolves when the work is over; rejects with what it throws. */
export function runInSlices(work: Sliced): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  jobs.push({ work, resolve, reject })
  if (jobs.length === 1) setImmediate(takeTurn)
  return promise
}

function takeTurn(): void {
  const job = jobs.shift()
  if (job === undefined) return
  try {
    if (job.work.advance(performance.now() + sliceMs)) job.resolve()
    else jobs.push(job)
  } catch (error) {
    job.reject(error)
  }
  if (jobs.length > 0) setImmediate(takeTurn)
}
