/** One process per data directory: a lock that the kernel holds, and a file that says who holds it. */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { StartError } from '../errors.ts'

export interface Owner {
  readonly pid: number
  readonly host: string
  /** RFC 3339. */
  readonly startedAt: string
}

/**
 * Makes this process the owner of `dataDir`, which is created with mode 0700 where it is missing.
 *
 * The lock is SQLite's on `owner.lock`: an fcntl lock, so the kernel gives it up however the process ends, and a dead,
 * zombie or recycled process id is no owner; within one process SQLite itself refuses the second taker. `owner.json`
 * only names the holder and decides nothing. Never open `owner.lock` otherwise: closing any other handle of the file
 * would drop the lock.
 *
 * @throws StartError when another process, or this one, owns the directory.
 */
export function takeOwnership(dataDir: string): Disposable {
  makeDirectory(dataDir)
  const lock = openLock(dataDir)
  try {
    lock.exec('BEGIN EXCLUSIVE')
    writeOwner(dataDir)
  } catch (error) {
    lock.close()
    throw isLocked(error) ? new StartError(describeHolder(dataDir)) : error
  }
  return {
    [Symbol.dispose]() {
      rmSync(join(dataDir, 'owner.json'), { force: true })
      lock.close()
    },
  }
}

/** Its parents too. Not Node's recursive mkdir: on a file system that makes no directories, such as /proc, it never ends. */
function makeDirectory(path: string): void {
  if (existsSync(path)) return
  makeDirectory(dirname(path))
  mkdirSync(path, { mode: 0o700 })
}

function openLock(dataDir: string): DatabaseSync {
  try {
    return new DatabaseSync(join(dataDir, 'owner.lock'))
  } catch (error) {
    // SQLite only says that it cannot open the file; a write of our own says why, in the system's code.
    const probe = join(dataDir, `probe-${process.pid}`)
    writeFileSync(probe, 'probe')
    rmSync(probe)
    throw error
  }
}

function isLocked(error: unknown): boolean {
  const busy = 5 // SQLITE_BUSY
  return error instanceof Error && 'errcode' in error && error.errcode === busy
}

function writeOwner(dataDir: string): void {
  const owner: Owner = { pid: process.pid, host: hostname(), startedAt: new Date().toISOString() }
  const path = join(dataDir, 'owner.json')
  writeFileSync(`${path}.new`, `${JSON.stringify(owner)}\n`, { mode: 0o600 })
  renameSync(`${path}.new`, path)
}

function describeHolder(dataDir: string): string {
  const owner = readOwner(dataDir)
  const holder = owner === undefined ? 'another process' : nameHolder(owner)
  return `The data directory ${dataDir} is in use by ${holder}; stop it first or set PASSGATE_DATA_DIR to another directory.`
}

function nameHolder({ pid, host, startedAt }: Owner): string {
  return `process ${pid}${host === hostname() ? '' : ` on ${host}`} (started ${startedAt})`
}

function readOwner(dataDir: string): Owner | undefined {
  try {
    const owner = JSON.parse(readFileSync(join(dataDir, 'owner.json'), 'utf8')) as Partial<Owner>
    if (typeof owner.pid !== 'number' || typeof owner.host !== 'string' || typeof owner.startedAt !== 'string') return
    return { pid: owner.pid, host: owner.host, startedAt: owner.startedAt }
  } catch {
    return undefined
  }
}
