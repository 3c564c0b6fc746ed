/** What `npm run bench -- …` takes. */
import { parseArgs } from 'node:util'

/** Those who are loaded, then the three measurements of their own. */
export const partNames = ['direct', 'bare', 'nginx', 'raw', 'graphql', 'aliases', 'streams', 'lists'] as const

export type PartName = (typeof partNames)[number]

export interface Options {
  readonly rounds: number
  readonly seconds: number
  readonly warmUpSeconds: number
  /** How often each way of making fifty calls is timed. */
  readonly repetitions: number
  readonly only: ReadonlySet<PartName>
  /** How many connections the lists of many are measured at. */
  readonly manyConnections: number
  readonly store: 'postgres' | 'embedded'
  /** Minutes; then nothing but the soak is run. */
  readonly soakMinutes: number | undefined
  /** Refusals of each kind; then nothing but their time is measured. */
  readonly timings: number | undefined
  /** True for the call log of ten million calls; then nothing else is measured. */
  readonly callLog: boolean
  /** A file for the plans of the call log's statements. */
  readonly plans: string | undefined
  /** A directory for the CPU profiles of the gateway, written when it ends. */
  readonly profile: string | undefined
}

export const usage = `npm run bench -- [options]
  --quick           one round of a second: figures to look at, not to trust
  --rounds N        rounds per number of connections (3)
  --seconds N       seconds per round (3)
  --only A,B        of ${partNames.join(', ')}
  --embedded        the embedded store in place of a PostgreSQL server; lists are not measured on it
  --soak MINUTES    64 callers with bodies of 100 B to 1 MB for so long: memory, and no call record lost
  --timing N        N refusals of each kind: whether their time tells why they were refused
  --call-log        the dashboard's questions to 10,000,000 calls and to 100,000; ten minutes, 20 GB of disk
  --plans FILE      writes the plans of these questions there
  --profile DIR     writes CPU profiles of the gateway there
  --help
`

/** Undefined when only the usage is wanted. @throws {TypeError} naming the option that is wrong */
export function readOptions(args: readonly string[]): Options | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      only: { type: 'string' },
      embedded: { type: 'boolean', default: false },
      soak: { type: 'string' },
      timing: { type: 'string' },
      'call-log': { type: 'boolean', default: false },
      plans: { type: 'string' },
      profile: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return undefined
  return {
    rounds: readCount('rounds', values.rounds) ?? (values.quick ? 1 : 3),
    seconds: readCount('seconds', values.seconds) ?? (values.quick ? 1 : 3),
    warmUpSeconds: values.quick ? 1 : 2,
    repetitions: values.quick ? 10 : 30,
    manyConnections: values.quick ? 100_000 : 1_000_000,
    only: new Set(values.only === undefined ? partNames : values.only.split(',').map(readPart)),
    store: values.embedded ? 'embedded' : 'postgres',
    soakMinutes: readCount('soak', values.soak),
    timings: readCount('timing', values.timing),
    callLog: values['call-log'],
    plans: values.plans,
    profile: values.profile,
  }
}

function readCount(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  if (/^[1-9]\d{0,4}$/.test(text)) return Number(text)
  throw new TypeError(`--${name} takes a whole number from 1 to 99999; got "${text}".`)
}

function readPart(text: string): PartName {
  const name = partNames.find(known => known === text.trim())
  if (name === undefined) throw new TypeError(`--only takes of ${partNames.join(', ')}; got "${text}".`)
  return name
}
