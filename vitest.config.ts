import { defineConfig } from 'vitest/config'
import { findScratch } from './test/support/scratch.ts'

// Before anything asks where temporary files go; workers and the processes that they start inherit it.
process.env.TMPDIR = findScratch()

export default defineConfig({
  // Packages resolve as Node resolves them: vite's `development` condition would load a second copy of graphql.
  ssr: { resolve: { conditions: ['module-sync', 'node', 'import', 'default'] } },
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/vendors/**'],
    globalSetup: ['test/support/postgres-server.ts'],
    // For what hangs: on a busy machine a test may take several times as long as it should.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // The second that it is by itself is soon over where three workers share two cores.
    expect: { poll: { timeout: 60_000 } },
    // More than the cores of a small machine: tests that wait for processes and time leave room.
    maxWorkers: 3,
    // Test files of one worker share its modules: loading them anew for each file was a quarter of the time.
    isolate: false,
  },
})
