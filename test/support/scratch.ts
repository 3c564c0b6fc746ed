/** Where tests put what need not outlive them: in memory, where files cost a fraction of what a disk takes. */
import { execFileSync } from 'node:child_process'
import { chmodSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const inMemory = '/dev/shm'
/** What a run has there at most is less than a quarter of it. */
const neededBytes = 6 * 1024 ** 3

/** The system's directory for such things, unless memory is plentiful and programs may be run from there. */
export function findScratch(): string {
  return hasRoom() && runsPrograms() ? inMemory : tmpdir()
}

function hasRoom(): boolean {
  try {
    const { bavail, bsize } = statfsSync(inMemory)
    return Math.min(bavail * bsize, process.availableMemory()) >= neededBytes
  } catch {
    return false
  }
}

/** Containers often mount it so that none can. */
function runsPrograms(): boolean {
  const program = join(inMemory, `passgate-probe-${process.pid}`)
  try {
    writeFileSync(program, '#!/bin/sh\n')
    chmodSync(program, 0o700)
    execFileSync(program)
    return true
  } catch {
    return false
  } finally {
    rmSync(program, { force: true })
  }
}
