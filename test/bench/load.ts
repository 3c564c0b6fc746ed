/** Loads one contestant for some seconds: with wrk where it is installed, else with autocannon. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { runChild } from './child.ts'

/** The request that is sent over and over. */
export interface LoadRequest {
  readonly url: string
  readonly method: 'GET' | 'POST'
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string | undefined
}

export interface LoadFigures {
  /** Answered, whatever the answer. */
  readonly requests: number
  readonly seconds: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly failures: Failures
}

export interface Failures {
  readonly notConnected: number
  readonly broken: number
  readonly timedOut: number
  /** Answers that are no success. */
  readonly refused: number
}

export const generator: 'wrk' | 'autocannon' = spawnSync('wrk', ['-v']).error === undefined ? 'wrk' : 'autocannon'

export function runLoad(request: LoadRequest, connections: number, seconds: number): Promise<LoadFigures> {
  return generator === 'wrk' ? runWrk(request, connections, seconds) : runAutocannon(request, connections, seconds)
}

async function runWrk(request: LoadRequest, connections: number, seconds: number): Promise<LoadFigures> {
  const { url, method, headers, body } = request
  const output = await runChild(
    'load',
    [
      'wrk',
      ...['-t', '1', '-c', String(connections), '-d', `${seconds}s`, '-s', join(import.meta.dirname, 'load.lua')],
      ...Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]),
      url,
    ],
    { BENCH_METHOD: method, BENCH_BODY: body },
  )
  const [, json] = /^FIGURES (.+)$/m.exec(output) ?? []
  if (json === undefined) throw new Error(`wrk did not say how it went: ${output}`)
  const { requests, durationUs, p50Us, p99Us, ...failures } = JSON.parse(json) as WrkFigures
  return { requests, seconds: durationUs / 1e6, p50Ms: p50Us / 1000, p99Ms: p99Us / 1000, failures }
}

interface WrkFigures extends Failures {
  readonly requests: number
  readonly durationUs: number
  readonly p50Us: number
  readonly p99Us: number
}

async function runAutocannon(request: LoadRequest, connections: number, seconds: number): Promise<LoadFigures> {
  const { url, method, headers, body } = request
  const program = join(import.meta.dirname, '../../node_modules/autocannon/autocannon.js')
  const output = await runChild('load', [
    ...[process.execPath, program, '--json', '--no-progress', '-m', method],
    ...['-c', String(connections), '-d', String(seconds)],
    ...Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}=${value}`]),
    ...(body === undefined ? [] : ['-b', body]),
    url,
  ])
  const told = JSON.parse(output) as AutocannonFigures
  const elapsed = (Date.parse(told.finish) - Date.parse(told.start)) / 1000
  // It counts latency in whole milliseconds: one connection says more by how many answers it got.
  const p50Ms = connections === 1 ? (1000 * elapsed) / told.requests.total : told.latency.p50
  const failures = { notConnected: 0, broken: told.errors, timedOut: told.timeouts, refused: told.non2xx }
  return { requests: told.requests.total, seconds: elapsed, p50Ms, p99Ms: told.latency.p99, failures }
}

interface AutocannonFigures {
  readonly start: string
  readonly finish: string
  readonly errors: number
  readonly timeouts: number
  readonly non2xx: number
  readonly requests: { readonly total: number }
  readonly latency: { readonly p50: number; readonly p99: number }
}
