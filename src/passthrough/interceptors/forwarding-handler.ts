/** Hands every event of a request on; an interceptor overrides what it wants to see. */
import type { Dispatcher } from 'undici'

type Controller = Dispatcher.DispatchController

export class ForwardingHandler implements Dispatcher.DispatchHandler {
  protected readonly inner: Dispatcher.DispatchHandler

  constructor(inner: Dispatcher.DispatchHandler) {
    this.inner = inner
  }

  onRequestStart(controller: Controller, context: unknown): void {
    this.inner.onRequestStart?.(controller, context)
  }

  onResponseStart(
    controller: Controller,
    status: number,
    headers: Record<string, string | string[]>,
    statusText?: string,
  ): void {
    this.inner.onResponseStart?.(controller, status, headers, statusText)
  }

  onResponseData(controller: Controller, chunk: Buffer): void {
    this.inner.onResponseData?.(controller, chunk)
  }

  onResponseEnd(controller: Controller, trailers: Record<string, string | string[]>): void {
    this.inner.onResponseEnd?.(controller, trailers)
  }

  onResponseError(controller: Controller, error: Error): void {
    this.inner.onResponseError?.(controller, error)
  }

  onBodySent(chunk: Buffer): void {
    this.inner.onBodySent?.(chunk)
  }
}
