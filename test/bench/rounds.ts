/** Loads all contestants in turns, over several rounds, so that a disturbance hits all alike. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Contestant, ContestantName } from './contestants.ts'
import { contestantCore } from './cores.ts'
import { runLoad } from './load.ts'
import type { Options } from './options.ts'
import { readCoreBusyMs, readCpuMs, readResidentBytes, settle } from './usage.ts'

/** What one contestant did in one round. */
export interface Sample {
  readonly contestant: ContestantName
  readonly connections: number
  readonly round: number
  readonly requestsPerSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** With what it did after its last answer; undefined when there is no process between. */
  readonly cpuMsPerRequest: number | undefined
  /** How much of its core it used while it was loaded: below 1 something else was the bottleneck. */
  readonly coreShare: number | undefined
  readonly residentBytes: number | undefined
  /** True when other programs took part of its core each time it was tried. */
  readonly isDisturbed: boolean
}

interface Trial {
  /** How much of the contestant's core others had. */
  readonly foreignShare: number
  readonly failure: string | undefined
  readonly figures: Omit<Sample, 'contestant' | 'connections' | 'round' | 'isDisturbed'>
}

const tolerableShare = 0.1
const maxAttempts = 5
const pauseMs = 2000

export const concurrencies = [1, 16, 64] as const

export interface RoundsOptions extends Pick<Options, 'rounds' | 'seconds' | 'warmUpSeconds'> {
  readonly upstream: URL
  readonly say: (line: string) => void
}

export async function runRounds(contestants: readonly Contestant[], options: RoundsOptions): Promise<Sample[]> {
  const samples: Sample[] = []
  // Tens of thousands of requests pass before the engine has compiled what is hot: at one connection they would not.
  await warmUp(contestants, Math.max(...concurrencies), 4 * options.warmUpSeconds)
  for (const connections of concurrencies) {
    await warmUp(contestants, connections, options.warmUpSeconds)
    for (let round = 1; round <= options.rounds; round += 1) {
      // Each is first, second and last in turn.
      const turn = round % contestants.length
      for (const contestant of [...contestants.slice(turn), ...contestants.slice(0, turn)]) {
        const sample = await measure(contestant, connections, round, options)
        options.say(describe(sample))
        samples.push(sample)
      }
    }
  }
  return samples
}

async function warmUp(contestants: readonly Contestant[], connections: number, seconds: number): Promise<void> {
  for (const { request, pid } of contestants) {
    await runLoad(request, connections, seconds)
    if (pid !== undefined) await settle(pid)
  }
}

/** Once more when others were at work on the contestant's core; the last try counts, whatever disturbed it. */
async function measure(
  contestant: Contestant,
  connections: number,
  round: number,
  options: RoundsOptions,
): Promise<Sample> {
  for (let attempt = 1; ; attempt += 1) {
    const trial = await tryOnce(contestant, connections, options)
    const isDisturbed = trial.foreignShare > tolerableShare
    if (isDisturbed && attempt < maxAttempts) {
      const share = `${Math.round(100 * trial.foreignShare)} %`
      options.say(`${contestant.name} again: other programs had ${share} of its core`)
      await sleep(attempt * pauseMs)
      continue
    }
    if (trial.failure !== undefined) throw new Error(trial.failure)
    return { contestant: contestant.name, connections, round, isDisturbed, ...trial.figures }
  }
}

async function tryOnce(
  { name, pid, request }: Contestant,
  connections: number,
  { seconds, upstream }: RoundsOptions,
): Promise<Trial> {
  const seenBefore = await countSeen(upstream)
  const [cpuBefore, busyBefore] = readClocks(pid)
  const startedAt = performance.now()
  const load = await runLoad(request, connections, seconds)
  const elapsedMs = performance.now() - startedAt
  const [cpuAfter, busyAfter] = readClocks(pid)
  const residentBytes = pid === undefined ? undefined : readResidentBytes(pid)
  if (pid !== undefined) await settle(pid)
  const seen = (await countSeen(upstream)) - seenBefore
  // An error of the gateway may look like a success, and so may an answer that never came from the upstream.
  const hasFailed = Object.values(load.failures).some(count => count > 0)
  const isWhole = !hasFailed && seen >= load.requests && seen <= load.requests + connections
  const told = JSON.stringify({ ...load, seenByUpstream: seen })
  return {
    foreignShare: (busyAfter - busyBefore - (cpuAfter - cpuBefore)) / elapsedMs,
    failure: isWhole ? undefined : `${name} at ${connections} connections did not answer every request: ${told}`,
    figures: {
      requestsPerSecond: load.requests / load.seconds,
      p50Ms: load.p50Ms,
      p99Ms: load.p99Ms,
      cpuMsPerRequest: pid === undefined ? undefined : (readClocks(pid)[0] - cpuBefore) / seen,
      coreShare: pid === undefined ? undefined : (cpuAfter - cpuBefore) / elapsedMs,
      residentBytes,
    },
  }
}

/** Milliseconds of the process, and of all that ran on its core. */
function readClocks(pid: number | undefined): [own: number, core: number] {
  if (pid === undefined) return [0, 0]
  return [readCpuMs(pid), contestantCore === undefined ? 0 : readCoreBusyMs(contestantCore)]
}

/** How many requests have reached the upstream. */
export async function countSeen(upstream: URL): Promise<number> {
  const response = await fetch(new URL('/figures', upstream))
  return ((await response.json()) as { requests: number }).requests
}

function describe({ contestant, connections, round, requestsPerSecond, p50Ms }: Sample): string {
  const rate = `${Math.round(requestsPerSecond)}/s`.padStart(9)
  return `${String(connections).padStart(2)} connections, round ${round}, ${contestant.padEnd(7)} ${rate}  p50 ${p50Ms.toFixed(2)} ms`
}
