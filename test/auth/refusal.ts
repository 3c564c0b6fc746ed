/** Runs what should be refused and hands over the refusal, so that a test can look at code, message and details. */
import { GatewayError } from '../../src/errors.ts'

export function refusal(run: () => unknown): GatewayError {
  try {
    run()
  } catch (error) {
    if (error instanceof GatewayError) return error
    throw error
  }
  throw new Error('nothing was refused')
}
