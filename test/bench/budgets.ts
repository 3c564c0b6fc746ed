/** What the figures say about each budget: the target, what was measured, and whether it held. */
import type { AliasFigures } from './aliases.ts'
import type { ContestantName } from './contestants.ts'
import type { ListFigures } from './lists.ts'
import { median } from './median.ts'
import type { Sample } from './rounds.ts'
import type { StreamFigures } from './streams.ts'
import { canReadUsage } from './usage.ts'

export interface Measured {
  readonly samples: readonly Sample[]
  readonly aliases: AliasFigures | undefined
  readonly streams: readonly StreamFigures[]
  readonly lists: ListFigures | undefined
}

export interface Budget {
  readonly what: string
  readonly target: string
  readonly measured: string
  /** Undefined when it was not measured. */
  readonly isHeld: boolean | undefined
}

const megabyte = 1024 ** 2

export function judgeBudgets({ samples, aliases, streams, lists }: Measured): Budget[] {
  return [
    judgeThroughput(samples, 'raw', 0.8),
    judgeThroughput(samples, 'graphql', 0.5),
    judgeLatency(samples, 1),
    judgeMemory(streams, 'down', 32),
    judgeMemory(streams, 'up', 32),
    judgeAliases('one after another', aliases, aliases?.sequentialMs, 0.5),
    judgeAliases('10 at a time', aliases, aliases?.parallelMs, 0.5),
    judgeLists(lists, 1.3),
  ]
}

/** The lowest counts: where the load and not the proxy is the bottleneck, the rates flatter and the CPU times do not. */
function judgeThroughput(samples: readonly Sample[], name: ContestantName, atLeast: number): Budget {
  const what = `${name === 'raw' ? 'raw route' : 'Query.passthrough'} against the bare proxy, requests/s`
  const target = `≥ ${atLeast.toFixed(2)}`
  const ratios = [16, 64].map(connections => ({
    connections,
    rate: ratioOf(samples, connections, name, sample => sample.requestsPerSecond),
    cpu: 1 / ratioOf(samples, connections, name, sample => sample.cpuMsPerRequest),
  }))
  const lowest = Math.min(...ratios.flatMap(({ rate, cpu }) => (canReadUsage ? [rate, cpu] : [rate])))
  const measured = ratios
    .map(({ connections, rate, cpu }) => `${rate.toFixed(2)} at ${connections} (by CPU per request ${cpu.toFixed(2)})`)
    .join(', ')
  return judge(what, target, lowest, measured, lowest >= atLeast)
}

/** Pairs of one round are compared: both were measured on the machine as it was then. */
function ratioOf(
  samples: readonly Sample[],
  connections: number,
  name: ContestantName,
  read: (sample: Sample) => number | undefined,
): number {
  return median(
    pairs(samples, connections, name, 'bare').map(([own, base]) => (read(own) ?? Number.NaN) / (read(base) ?? 0)),
  )
}

function judgeLatency(samples: readonly Sample[], atMostMs: number): Budget {
  const addedBy = (name: ContestantName) =>
    median(pairs(samples, 1, name, 'direct').map(([own, base]) => own.p50Ms - base.p50Ms))
  const [own, base] = [addedBy('graphql'), addedBy('bare')]
  const measured = `${own.toFixed(2)} ms (bare proxy ${base.toFixed(2)} ms)`
  const what = 'Query.passthrough over a direct call, p50 at 1 connection'
  return judge(what, `≤ ${atMostMs.toFixed(1)} ms`, own, measured, own <= atMostMs)
}

function judgeMemory(streams: readonly StreamFigures[], direction: StreamFigures['direction'], atMost: number): Budget {
  const of = (name: StreamFigures['contestant']) =>
    streams.find(figures => figures.contestant === name && figures.direction === direction)
  const megabytes = (bytes = Number.NaN) => (bytes / megabyte).toFixed(0)
  const [own, base] = [of('raw'), of('bare')]
  const growth = (own?.growthBytes ?? Number.NaN) / megabyte
  const further = `a second one ${megabytes(own?.furtherGrowthBytes)} MB`
  const measured = `${growth.toFixed(0)} MB, ${further} (bare proxy ${megabytes(base?.growthBytes)} MB)`
  return judge(
    `1 GB ${direction} the raw route, growth of memory`,
    `≤ ${atMost} MB`,
    growth,
    measured,
    growth <= atMost,
  )
}

function judgeAliases(
  how: string,
  figures: AliasFigures | undefined,
  singlesMs = Number.NaN,
  atMost: number = Number.NaN,
): Budget {
  const oneOperationMs = figures?.oneOperationMs ?? Number.NaN
  const ratio = oneOperationMs / singlesMs
  const measured = `${ratio.toFixed(2)} (${oneOperationMs.toFixed(1)} ms, ${singlesMs.toFixed(1)} ms)`
  const what = `50 aliases in one operation against 50 requests ${how}, time`
  return judge(what, `≤ ${atMost.toFixed(2)}`, ratio, measured, ratio <= atMost)
}

/** The worst counts: every look-up and every list has to stay as it is. */
function judgeLists(lists: ListFigures | undefined, atMost: number): Budget {
  const times = lists?.times ?? []
  const worst = times.reduce((a, b) => (b.ratio > a.ratio ? b : a), times[0] ?? { what: '', ratio: Number.NaN })
  const middle = median(times.map(({ ratio }) => ratio))
  const measured = `${worst.ratio.toFixed(2)} for ${worst.what}, ${middle.toFixed(2)} in the middle of ${times.length}`
  const [many, few] = [lists?.many ?? 1_000_000, lists?.few ?? 10_000].map(rows => rows.toLocaleString('en'))
  const what = `look-ups and first pages at ${many} connections against ${few}, time`
  return judge(what, `≤ ${atMost.toFixed(1)}`, worst.ratio, measured, worst.ratio <= atMost)
}

function judge(what: string, target: string, value: number, measured: string, isHeld: boolean): Budget {
  if (Number.isNaN(value)) return { what, target, measured: 'not measured', isHeld: undefined }
  return { what, target, measured, isHeld }
}

function pairs(
  samples: readonly Sample[],
  connections: number,
  name: ContestantName,
  other: ContestantName,
): [Sample, Sample][] {
  const find = (contestant: ContestantName, round: number) =>
    samples.find(
      sample => sample.contestant === contestant && sample.connections === connections && sample.round === round,
    )
  const rounds = [...new Set(samples.map(({ round }) => round))]
  return rounds.flatMap((round): [Sample, Sample][] => {
    const [own, base] = [find(name, round), find(other, round)]
    return own === undefined || base === undefined ? [] : [[own, base]]
  })
}
