/** The tables that the bench prints. */
import type { Budget } from './budgets.ts'
import { type CallLogFigure, largeCalls, maxRatio, smallCalls } from './call-log.ts'
import type { ContestantName } from './contestants.ts'
import type { ListFigures } from './lists.ts'
import { median } from './median.ts'
import type { Sample } from './rounds.ts'
import type { SoakFigures } from './soak.ts'
import type { StreamFigures } from './streams.ts'
import type { TimingFigures } from './timing.ts'

const megabyte = 1024 ** 2

/** One line for each contestant at each number of connections; medians of the rounds. */
export function formatSamples(samples: readonly Sample[]): string {
  const groups = Map.groupBy(samples, ({ connections, contestant }) => `${connections} ${contestant}`)
  const names = [...new Set(samples.map(({ contestant }) => contestant))]
  const rows = [...new Set(samples.map(({ connections }) => connections))].flatMap(connections =>
    names.map(name => formatRow(connections, name, groups.get(`${connections} ${name}`) ?? [])),
  )
  const head = ['connections', 'contestant', 'requests/s', 'p50 ms', 'p99 ms', 'CPU ms/request', 'core used', 'memory']
  return formatTable([head, ...rows])
}

function formatRow(connections: number, name: ContestantName, group: readonly Sample[]): string[] {
  const middle = (read: (sample: Sample) => number | undefined): number =>
    median(group.map(sample => read(sample) ?? Number.NaN))
  return [
    String(connections),
    name,
    format(middle(sample => sample.requestsPerSecond)),
    format(
      middle(sample => sample.p50Ms),
      2,
    ),
    format(
      middle(sample => sample.p99Ms),
      2,
    ),
    format(
      middle(sample => sample.cpuMsPerRequest),
      4,
    ),
    format(middle(sample => sample.coreShare) * 100, 0, ' %'),
    format(middle(sample => sample.residentBytes) / megabyte, 0, ' MB'),
  ]
}

export function formatStreams(streams: readonly StreamFigures[]): string {
  const rows = streams.map(({ contestant, direction, growthBytes, furtherGrowthBytes, bytesPerSecond }) => [
    contestant,
    direction,
    format(bytesPerSecond / megabyte, 0, ' MB/s'),
    format(growthBytes / megabyte, 0, ' MB'),
    format(furtherGrowthBytes / megabyte, 0, ' MB'),
  ])
  return formatTable([['1 GB through', 'direction', 'speed', 'growth of memory', 'by a second GB'], ...rows])
}

export function formatLists({ few, many, times }: ListFigures): string {
  const rows = times.map(({ what, fewMs, manyMs, ratio }) => [
    what,
    format(fewMs, 2, ' ms'),
    format(manyMs, 2, ' ms'),
    format(ratio, 2),
  ])
  const [head, more] = [few, many].map(count => `at ${count.toLocaleString('en')}`)
  return formatTable([['connections', head ?? '', more ?? '', 'ratio'], ...rows])
}

export function formatBudgets(budgets: readonly Budget[]): string {
  const rows = budgets.map(({ what, target, measured, isHeld }) => [
    what,
    target,
    measured,
    isHeld === undefined ? '–' : isHeld ? 'yes' : 'NO',
  ])
  return formatTable([['budget', 'target', 'measured', 'held'], ...rows])
}

export function formatSoak({ minutes, answered, recorded, residentBytes, warnings }: SoakFigures): string {
  const memory = residentBytes.map(bytes => format(bytes / megabyte)).join(', ')
  const rows = [
    ['minutes', String(minutes)],
    ['calls answered', String(answered)],
    ['calls recorded', `${recorded} (${recorded === answered ? 'every one' : 'NOT THE SAME'})`],
    ['memory at the start and after each minute, MB', memory],
    ['warnings of the gateway', String(warnings.length)],
  ]
  return formatTable([['soak', ''], ...rows])
}

export function formatCallLog(figures: readonly CallLogFigure[]): string {
  const rows = figures.map(({ question, largeMs, smallMs }) => [
    question,
    format(largeMs, 2),
    format(smallMs, 2),
    format(largeMs / smallMs, 2),
    largeMs / smallMs <= maxRatio ? 'yes' : 'NO',
  ])
  const head = [
    'p50 ms',
    `${largeCalls.toLocaleString('en')} calls`,
    smallCalls.toLocaleString('en'),
    'ratio',
    `≤ ${maxRatio}`,
  ]
  return formatTable([head, ...rows])
}

export function formatTimings(figures: readonly TimingFigures[]): string {
  const rows = figures.map(({ kind, medianMs, against, longer }) => [
    kind,
    format(medianMs, 3),
    kind === against ? '–' : `${format(longer, 3)} than ${against}`,
  ])
  return formatTable([['refused', 'p50 ms', 'probability of taking longer'], ...rows])
}

function format(value: number, digits = 0, unit = ''): string {
  return Number.isNaN(value) ? '–' : value.toFixed(digits) + unit
}

function formatTable([head = [], ...rows]: readonly (readonly string[])[]): string {
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map(row => (row[column] ?? '').length)))
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('   ')
      .trimEnd()
  return [line(head), widths.map(width => '–'.repeat(width)).join('   '), ...rows.map(line)].join('\n')
}
