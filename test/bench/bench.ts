/** Measures Passgate beside what it is compared with, in one run, and holds the figures to the budgets. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { type AliasFigures, measureAliases } from './aliases.ts'
import { judgeBudgets } from './budgets.ts'
import { measureCallLog } from './call-log.ts'
import { type Child, endChildren } from './child.ts'
import {
  type Contestant,
  checkAnswer,
  graphqlContestant,
  plainContestant,
  rawContestant,
  startBareProxy,
  startUpstream,
} from './contestants.ts'
import { isPinned, moveAside } from './cores.ts'
import { type ListFigures, measureLists } from './lists.ts'
import { generator } from './load.ts'
import { startNginx } from './nginx.ts'
import { type Options, readOptions, usage } from './options.ts'
import { adminKey, connectUpstream, createPlace, type Place, startGateway } from './passgate.ts'
import {
  formatBudgets,
  formatCallLog,
  formatLists,
  formatSamples,
  formatSoak,
  formatStreams,
  formatTimings,
} from './report.ts'
import { runRounds, type Sample } from './rounds.ts'
import { soak } from './soak.ts'
import { measureStream, type Route, type StreamFigures } from './streams.ts'
import { measureTiming, type TimingFigures } from './timing.ts'
import { canReadUsage } from './usage.ts'

const resultFile = join(import.meta.dirname, '../../.bench.json')

/** What is there once for the whole run. */
interface Ground {
  readonly options: Options
  readonly parts: AsyncDisposableStack
  readonly upstream: URL
  readonly place: Place
  readonly directory: string
}

process.exit(await main())

async function main(): Promise<number> {
  await using parts = new AsyncDisposableStack()
  const interrupted = Promise.withResolvers<never>()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => interrupted.reject(new Error(`stopped by ${signal}`)))
  }
  try {
    const options = readOptions(process.argv.slice(2))
    if (options === undefined) say(usage)
    else await Promise.race([run(options, parts), interrupted.promise])
    return 0
  } catch (error) {
    process.stderr.write(`The bench could not measure: ${error instanceof Error ? error.message : error}\n`)
    return 1
  } finally {
    await endChildren()
  }
}

async function run(options: Options, parts: AsyncDisposableStack): Promise<void> {
  moveAside()
  const directory = await mkdtemp(join(tmpdir(), `passgate-bench-${process.pid}-`))
  parts.defer(() => rm(directory, { recursive: true, force: true }))
  const upstream = new URL(parts.use(await startUpstream()).url)
  const starting = createPlace(options, upstream, directory)
  // Also when the bench is stopped while it starts.
  parts.defer(() => starting.then(place => place[Symbol.asyncDispose]()).catch(() => {}))
  const place = await starting
  const machine = describeMachine(options)
  say(Object.values(machine).join(', '))
  const ground: Ground = { options, parts, upstream, place, directory }
  if (options.soakMinutes !== undefined) {
    const figures = await soak(place, upstream, options.soakMinutes, say)
    say(`\n${formatSoak(figures)}`)
    return save({ machine, soak: figures })
  }
  if (options.timings !== undefined) {
    const figures = await timeRefusals(ground, options.timings)
    say(`\n${formatTimings(figures)}`)
    return save({ machine, timings: figures })
  }
  if (options.callLog) {
    if (place.databaseUrl === undefined) throw new TypeError('--call-log is measured on PostgreSQL only')
    const figures = await measureCallLog(place.databaseUrl, directory, { plansFile: options.plans, say })
    say(`\n${formatCallLog(figures)}`)
    return save({ machine, callLog: figures })
  }
  const measured = await measure(ground)
  const budgets = judgeBudgets(measured)
  if (measured.samples.length > 0) say(`\n${formatSamples(measured.samples)}`)
  if (measured.streams.length > 0) say(`\n${formatStreams(measured.streams)}`)
  if (measured.lists !== undefined) say(`\n${formatLists(measured.lists)}`)
  const disturbed = measured.samples.filter(({ isDisturbed }) => isDisturbed).length
  if (disturbed > 0) say(`\n${disturbed} of ${measured.samples.length} rounds were disturbed by other programs`)
  for (const line of new Set(measured.warnings)) say(`\nthe gateway warned: ${line}`)
  say(`\n${formatBudgets(budgets)}`)
  await save({ machine, budgets, ...measured })
}

/** On a gateway that believes who asks about where they ask from: guessing from one address alone is slowed down. */
async function timeRefusals({ parts, place, upstream }: Ground, repetitions: number): Promise<TimingFigures[]> {
  const trusting = { ...place, env: { ...place.env, PASSGATE_TRUSTED_PROXIES: '127.0.0.0/8 ::1' } }
  const gateway = parts.use(await startGateway(trusting))
  return await measureTiming(gateway, await connectUpstream(gateway, upstream), repetitions)
}

interface AllFigures {
  readonly samples: readonly Sample[]
  readonly aliases: AliasFigures | undefined
  readonly streams: readonly StreamFigures[]
  readonly lists: ListFigures | undefined
  readonly warnings: readonly string[]
}

/** First on one gateway that serves all loads, then on fresh ones whose memory is watched, then on two with many rows. */
async function measure(ground: Ground): Promise<AllFigures> {
  const { options, parts, upstream, place, directory } = ground
  const gateway = parts.use(await startGateway(place))
  const connectionId = await connectUpstream(gateway, upstream)
  const contestants = await createContestants(ground, gateway, connectionId)
  for (const contestant of contestants) await checkAnswer(contestant)
  const samples = await runRounds(contestants, { ...options, upstream, say }).catch(cause => {
    throw new Error(`${cause instanceof Error ? cause.message : cause}\n${gateway.output().slice(-4000)}`, { cause })
  })
  let aliases: AliasFigures | undefined
  if (options.only.has('aliases')) {
    say('50 calls in one operation and in 50')
    aliases = await measureAliases(gateway.url, connectionId, options.repetitions)
  }
  await gateway[Symbol.asyncDispose]()
  const streams = options.only.has('streams') && canReadUsage ? await measureStreams(ground, connectionId) : []
  const isListed = options.only.has('lists') && options.store === 'postgres'
  const { manyConnections, repetitions } = options
  const lists = isListed ? await measureLists(place, directory, manyConnections, 5 * repetitions, say) : undefined
  return { samples, aliases, streams, lists, warnings: warningsOf(gateway) }
}

async function createContestants(
  { options, parts, upstream, directory }: Ground,
  gateway: Child,
  connectionId: string,
): Promise<Contestant[]> {
  const bare = options.only.has('bare') ? parts.use(await startBareProxy(upstream)) : undefined
  const nginx = options.only.has('nginx') ? await startNginx(upstream, directory) : undefined
  if (nginx !== undefined) parts.use(nginx)
  const all = [
    plainContestant('direct', upstream.origin),
    ...(bare === undefined ? [] : [plainContestant('bare', bare.url, bare.pid)]),
    ...(nginx === undefined ? [] : [plainContestant('nginx', nginx.url, nginx.pid)]),
    rawContestant(gateway, connectionId),
    graphqlContestant(gateway, connectionId),
  ]
  return all.filter(({ name }) => options.only.has(name))
}

async function measureStreams({ upstream, place }: Ground, connectionId: string): Promise<StreamFigures[]> {
  const headers = { authorization: `Bearer ${adminKey}` }
  const routes = {
    bare: async (): Promise<Route> => ({ ...(await startBareProxy(upstream)), headers }),
    raw: async (): Promise<Route> => {
      const gateway = await startGateway(place)
      return { ...gateway, url: `${gateway.url}/passthrough/${connectionId}`, headers }
    },
  }
  const figures: StreamFigures[] = []
  for (const direction of ['down', 'up'] as const) {
    for (const contestant of ['bare', 'raw'] as const) {
      say(`1 GB ${direction}, ${contestant}`)
      figures.push(await measureStream(contestant, direction, routes[contestant]))
    }
  }
  return figures
}

/** What the gateway logs at `warn` and above is JSON; its greeting is not. */
function warningsOf(gateway: Child): string[] {
  const lines = gateway.output().split('\n')
  return lines.filter(line => line.startsWith('{')).map(line => String((JSON.parse(line) as { msg?: unknown }).msg))
}

function describeMachine({ store }: Options): Record<string, string> {
  return {
    node: `Node ${process.version}`,
    cores: `${cpus().length} × ${cpus()[0]?.model.trim() ?? 'unknown'}`,
    placement: isPinned ? 'each contestant on a core of its own' : 'processes not bound to cores',
    generator,
    store: store === 'postgres' ? 'PostgreSQL' : 'embedded store',
  }
}

async function save(result: object): Promise<void> {
  const at = new Date().toISOString()
  await writeFile(resultFile, `${JSON.stringify({ at, ...result }, null, 2)}\n`)
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
