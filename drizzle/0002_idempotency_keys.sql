CREATE TABLE "idempotency_keys" (
	"workspace_id" uuid NOT NULL,
	"connection_id" uuid NOT NULL,
	"key" text COLLATE "C" NOT NULL,
	"request_hash" "bytea" NOT NULL,
	"owner" text,
	"leased_until" timestamp (3) with time zone NOT NULL,
	"status" integer,
	"sealed_answer" "bytea",
	"expires_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "idempotency_keys_workspace_id_connection_id_key_pk" PRIMARY KEY("workspace_id","connection_id","key")
);
--> statement-breakpoint
ALTER TABLE "idempotency_keys" ADD CONSTRAINT "idempotency_keys_connection" FOREIGN KEY ("workspace_id","connection_id") REFERENCES "public"."connections"("workspace_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "idempotency_keys_expired" ON "idempotency_keys" USING btree ("expires_at");