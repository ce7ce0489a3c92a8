-- Sessions of the web page, links that open one once, consents under way; what charts are drawn from.

create table sessions (
    digest bytea primary key,
    user_id bigint not null references users on delete cascade,
    -- A new password ends the sessions that began with the old one.
    password_digest bytea not null,
    created_at timestamptz not null default now(),
    used_at timestamptz not null default now(),
    expires_at timestamptz not null
) with (fillfactor = 70);
create index sessions_by_expiry on sessions (expires_at);

create table sign_in_links (
    digest bytea primary key,
    user_id bigint not null references users on delete cascade,
    expires_at timestamptz not null
);

create table consents (
    state_digest bytea primary key,
    session_digest bytea not null references sessions on delete cascade,
    element_key text not null,
    expires_at timestamptz not null
);
create index consents_by_session on consents (session_digest);

-- Events are stored in the order of time, so the recent ones lie together.
create index events_by_age on events using brin (created_at) with (pages_per_range = 16, autosummarize = on);
