ALTER TABLE "access_keys" ADD COLUMN "connection_id" uuid;--> statement-breakpoint
ALTER TABLE "access_keys" ADD COLUMN "quota" jsonb;--> statement-breakpoint
ALTER TABLE "calls" ADD COLUMN "attempt_log" jsonb;--> statement-breakpoint
ALTER TABLE "connections" ADD COLUMN "quota" jsonb;--> statement-breakpoint
ALTER TABLE "access_keys" ADD CONSTRAINT "access_keys_connection" FOREIGN KEY ("workspace_id","connection_id") REFERENCES "public"."connections"("workspace_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "access_keys_of_connection" ON "access_keys" USING btree ("workspace_id","connection_id") WHERE "access_keys"."connection_id" is not null;