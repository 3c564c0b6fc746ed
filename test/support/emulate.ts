/** The emulated vendors of the package `emulate` that tests use, each on a loopback port of its own. */
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

export type EmulatedService = (typeof services)[number]

export interface Emulated {
  readonly url: string
  /** `127.0.0.1:port`, as a pin and as an egress exemption. */
  readonly host: string
}

export type Emulators = Readonly<Record<EmulatedService, Emulated>> & AsyncDisposable

interface Emulator {
  readonly url: string
  close(): Promise<void>
}

type CreateEmulator = (options: { service: string; port: number; seed: object }) => Promise<Emulator>

const services = ['github', 'google', 'slack', 'stripe', 'linear', 'microsoft', 'okta'] as const
const entry = join(import.meta.dirname, '../vendors/node_modules/emulate/dist/api.js')

/** The seed is what the package documents for its configuration file. */
export async function startEmulators(seed: object): Promise<Emulators> {
  const { createEmulator }: { createEmulator: CreateEmulator } = await import(pathToFileURL(entry).href)
  await using stack = new AsyncDisposableStack()
  const started = await Promise.all(
    services.map(async service => {
      const emulator = await createEmulator({ service, port: 0, seed })
      stack.defer(() => emulator.close())
      // It listens on 127.0.0.1 and calls itself localhost.
      const host = `127.0.0.1:${new URL(emulator.url).port}`
      return [service, { url: `http://${host}`, host }] as const
    }),
  )
  const owned = stack.move()
  return {
    ...(Object.fromEntries(started) as Record<EmulatedService, Emulated>),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}
