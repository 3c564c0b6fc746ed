-- Trigrams make the search for a part of an end user's id fast; btree_gin puts the workspace into that index and the one on metadata.
CREATE EXTENSION IF NOT EXISTS pg_trgm;--> statement-breakpoint
CREATE EXTENSION IF NOT EXISTS btree_gin;--> statement-breakpoint
CREATE TABLE "access_keys" (
	"workspace_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"name" text NOT NULL,
	"hash" "bytea" NOT NULL,
	"hint" text NOT NULL,
	"scopes" text[] NOT NULL,
	"preset" boolean DEFAULT false NOT NULL,
	"expires_at" timestamp (3) with time zone,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"last_used_at" timestamp (3) with time zone,
	CONSTRAINT "access_keys_workspace_id_id_pk" PRIMARY KEY("workspace_id","id"),
	CONSTRAINT "access_keys_hash" UNIQUE("hash")
);
--> statement-breakpoint
CREATE TABLE "calls" (
	"workspace_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"connection_id" uuid NOT NULL,
	"integration" text COLLATE "C" NOT NULL,
	"end_user_id" text COLLATE "C" NOT NULL,
	"caller_id" text NOT NULL,
	"kind" text NOT NULL,
	"method" text NOT NULL,
	"path" text NOT NULL,
	"status" integer,
	"error_code" text,
	"bytes_sent" bigint NOT NULL,
	"bytes_received" bigint NOT NULL,
	"attempts" integer NOT NULL,
	"duration_ms" double precision NOT NULL,
	"started_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "calls_workspace_id_id_pk" PRIMARY KEY("workspace_id","id")
);
--> statement-breakpoint
CREATE TABLE "connections" (
	"workspace_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"integration" text COLLATE "C" NOT NULL,
	"end_user_id" text COLLATE "C" NOT NULL,
	"end_user_search" text COLLATE "C" NOT NULL,
	"scheme" text NOT NULL,
	"config" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"metadata" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"status" text COLLATE "C" DEFAULT 'ACTIVE' NOT NULL,
	"sealed_credential" "bytea" NOT NULL,
	"sealed_under" text COLLATE "C" NOT NULL,
	"credential_version" integer DEFAULT 1 NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"last_used_at" timestamp (3) with time zone,
	CONSTRAINT "connections_workspace_id_id_pk" PRIMARY KEY("workspace_id","id")
);
--> statement-breakpoint
CREATE TABLE "encryption_keys" (
	"id" text COLLATE "C" PRIMARY KEY NOT NULL,
	"proof" "bytea" NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "integrations" (
	"workspace_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"slug" text COLLATE "C" NOT NULL,
	"definition" jsonb,
	"settings" jsonb,
	"sealed_client_secret" "bytea",
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "integrations_workspace_id_id_pk" PRIMARY KEY("workspace_id","id"),
	CONSTRAINT "integrations_slug" UNIQUE("workspace_id","slug")
);
--> statement-breakpoint
CREATE TABLE "workspaces" (
	"id" uuid PRIMARY KEY NOT NULL,
	"name" text COLLATE "C" NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "workspaces_name_unique" UNIQUE("name")
);
--> statement-breakpoint
ALTER TABLE "access_keys" ADD CONSTRAINT "access_keys_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "connections" ADD CONSTRAINT "connections_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "integrations" ADD CONSTRAINT "integrations_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "access_keys_preset" ON "access_keys" USING btree ("workspace_id") WHERE "access_keys"."preset";--> statement-breakpoint
CREATE INDEX "calls_started" ON "calls" USING btree ("workspace_id","started_at","id");--> statement-breakpoint
CREATE INDEX "calls_connection" ON "calls" USING btree ("workspace_id","connection_id","started_at","id");--> statement-breakpoint
CREATE INDEX "calls_integration" ON "calls" USING btree ("workspace_id","integration","started_at","id");--> statement-breakpoint
CREATE INDEX "calls_end_user" ON "calls" USING btree ("workspace_id","end_user_id","started_at","id");--> statement-breakpoint
CREATE INDEX "connections_end_user_of_integration" ON "connections" USING btree ("workspace_id","integration","end_user_id","id");--> statement-breakpoint
CREATE INDEX "connections_end_user" ON "connections" USING btree ("workspace_id","end_user_id","id");--> statement-breakpoint
CREATE INDEX "connections_integration" ON "connections" USING btree ("workspace_id","integration","id");--> statement-breakpoint
CREATE INDEX "connections_status" ON "connections" USING btree ("workspace_id","status","id");--> statement-breakpoint
CREATE INDEX "connections_metadata" ON "connections" USING gin ("workspace_id","metadata" jsonb_path_ops);--> statement-breakpoint
CREATE INDEX "connections_search" ON "connections" USING gin ("workspace_id","end_user_search" gin_trgm_ops);