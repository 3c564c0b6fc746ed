/** What `npm run bench -- …` takes. */
import { parseArgs } from 'node:util'

/** Those who are loaded, then the two measurements of their own. */
export const partNames = ['direct', 'bare', 'nginx', 'raw', 'graphql', 'aliases', 'streams'] as const

export type PartName = (typeof partNames)[number]

export interface Options {
  readonly rounds: number
  readonly seconds: number
  readonly warmUpSeconds: number
  /** How often each way of making fifty calls is timed. */
  readonly repetitions: number
  readonly only: ReadonlySet<PartName>
  readonly store: 'postgres' | 'embedded'
  /** Minutes; then nothing but the soak is run. */
  readonly soakMinutes: number | undefined
  /** Refusals of each kind; then nothing but their time is measured. */
  readonly timings: number | undefined
  /** A directory for the CPU profiles of the gateway, written when it ends. */
  readonly profile: string | undefined
}

export const usage = `npm run bench -- [options]
  --quick           one round of a second: figures to look at, not to trust
  --rounds N        rounds per number of connections (3)
  --seconds N       seconds per round (3)
  --only A,B        of ${partNames.join(', ')}
  --embedded        the embedded store in place of a PostgreSQL server
  --soak MINUTES    64 callers with bodies of 100 B to 1 MB for so long: memory, and no call record lost
  --timing N        N refusals of each kind: whether their time tells why they were refused
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
    only: new Set(values.only === undefined ? partNames : values.only.split(',').map(readPart)),
    store: values.embedded ? 'embedded' : 'postgres',
    soakMinutes: readCount('soak', values.soak),
    timings: readCount('timing', values.timing),
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
