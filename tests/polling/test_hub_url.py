from __future__ import annotations

from urllib.parse import quote, quote_plus

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from daemon.connectors import ceql
from daemon.polling import macros
from daemon.polling.hub_url import HubUrl, HubUrlError, parse_hub_url, write_hub_url

MACRO = "${date:yyyy-MM-dd'T'HH:mm:ssXXX}"
WHERE = f"LastModifyDate>'{MACRO}'"


def where_of(url: str) -> str | None:
    tree = parse_hub_url(url, "crm").where
    return ceql.render(tree) if tree else None


@pytest.mark.parametrize(
    "query",
    [
        f"where={WHERE}",
        f"where={quote(WHERE)}",
        f"where={quote(WHERE, safe='')}",
        f"where={quote_plus(WHERE)}",
        f"where=LastModifyDate%3E'{MACRO}'",
        f"where=LastModifyDate > '{MACRO}'",
        f"where=LastModifyDate+%3E+{quote(MACRO)}".replace("%24", "'%24") + "'",
        f"where={WHERE}}}'",
        f"where={WHERE}}}",
        f"where=LastModifyDate>'{MACRO}}}'",
        f"where={quote(WHERE)}%7D%27",
        "where=LastModifyDate>'${date:yyyy-MM-dd'T'HH:mm:ssXXX'}'",
    ],
    ids=[
        "raw",
        "encoded",
        "all encoded",
        "form-encoded",
        "only the operator encoded",
        "with spaces",
        "plus signs for spaces",
        "stray brace and quote",
        "stray brace",
        "stray brace before the quote",
        "encoded stray end",
        "unbalanced quote in the pattern",
    ],
)
def test_a_url_is_read_raw_or_encoded_and_without_shipped_oddities(query: str) -> None:
    url = parse_hub_url(f"/hubs/crm/contacts?{query}", "crm")
    assert url == HubUrl(
        resource="contacts", where=parse_hub_url(f"/hubs/crm/x?where={WHERE}", "crm").where
    )


@pytest.mark.parametrize(
    ("query", "where"),
    [
        ("where=Name LIKE 'A%20%'", "Name LIKE 'A%20%'"),
        ("where=Name='A%20B'", "Name='A B'"),
        ("where=Name%20LIKE%20'A%25'", "Name LIKE 'A%'"),
        ("where=Name='A+B'", "Name='A+B'"),
        ("where=Name='A & B'&pageSize=5", "Name='A & B'"),
        ("where=Name%3D'A%26B%3DC'", "Name='A&B=C'"),
        ("where=Name='}'", "Name='}'"),
        ("where=", None),
        ("", None),
    ],
)
def test_percent_signs_ampersands_and_braces_of_values_survive(
    query: str, where: str | None
) -> None:
    assert where_of(f"/hubs/crm/contacts?{query}") == where


@pytest.mark.parametrize(
    "path",
    [
        "/hubs/crm/contacts",
        "hubs/crm/contacts",
        "/hubs/crm/contacts/",
        "/elements/api-v2/hubs/crm/contacts",
        " /hubs/crm/contacts ",
        "/hubs/crm/contacts}'",
    ],
)
def test_a_path_names_the_resource(path: str) -> None:
    assert parse_hub_url(path, "crm") == HubUrl(resource="contacts")


def test_fields_and_page_size_may_stand_in_the_url() -> None:
    url = parse_hub_url("/hubs/crm/contacts?pagesize=20&fields=Key, LastName&page=1", "crm")
    assert (url.fields, url.page_size) == (("Key", "LastName"), "20")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("/hubs/erp/contacts", "must be a path of this element's hub"),
        ("https://example.com/hubs/crm/contacts", "must be a path of this element's hub"),
        ("/hubs/crm/contacts/3/notes", "must be a path of this element's hub"),
        ("contacts", "such as /hubs/crm/contacts"),
        ("/hubs/crm/contacts?since=${epoch}", "unknown parameter 'since'"),
        ("/hubs/crm/contacts?wher=a=1", "did you mean 'where'"),
        ("/hubs/crm/contacts?where=a=1&where=b=2", "'where' twice"),
        ("/hubs/crm/contacts?page=2", "leave 'page' out"),
        ("/hubs/crm/contacts?where=%FF%FE", "UTF-8"),
        ("/hubs/crm/contacts?where=a>'${gmtDat:yyyy}'", "did you mean gmtDate"),
        ("/hubs/crm/contacts?where=a>'${date:yyyy-qq}'", "'q' is unknown"),
        ("/hubs/crm/contacts?where=a>'x", "never closed"),
        ("/hubs/crm/contacts?where=Name='{x}", "never closed"),
        ("/hubs/crm/contacts?where=a='${date}'", "a macro after = on 'a'"),
        ("/hubs/crm/contacts?where=a<'${date}'", "a macro after < on 'a'"),
        ("/hubs/crm/contacts?where=a IN ('${date}')", "IN or LIKE on 'a'"),
        ("/hubs/crm/contacts?where=a LIKE '${date}%'", "IN or LIKE on 'a'"),
        ("/hubs/crm/contacts?where=a>'${gmtDate:yyyy-MM-dd}T23:59:59Z'", "beside the macro"),
        ("/hubs/crm/contacts?where=a>'on ${gmtDate:yyyy-MM-dd}'", "beside the macro"),
        ("/hubs/crm/contacts?where=a>'${date}${date}'", "beside the macro"),
        ("/hubs/crm/contacts?where=a>'${date}' OR x=1", "one side of an OR only"),
        ("/hubs/crm/contacts?where=(a>'${date}' AND y=1) OR x=1", "one side of an OR only"),
        ("/hubs/crm/" + "x" * 10_000, "longer than"),
    ],
    ids=lambda text: text[:60],
)
def test_a_url_that_cannot_be_polled_is_refused_with_the_reason(url: str, words: str) -> None:
    with pytest.raises(HubUrlError, match=words):
        parse_hub_url(url, "crm")


@pytest.mark.parametrize(
    "where",
    [
        "a>'${date}' AND (x=1 OR y=1)",
        "a>'${date}' OR b>'${date}'",
        "a>'${date}' AND x=1 OR b>'${date}' AND y=1",
    ],
)
def test_an_or_with_a_macro_on_every_side_is_bounded(where: str) -> None:
    assert where_of(f"/hubs/crm/contacts?where={where}") == where


@pytest.mark.parametrize("beside", ["T00:00:00Z", " 00:00", ".000", "Z", "+00:00"])
def test_zeros_beside_a_macro_move_no_bound(beside: str) -> None:
    where = f"a>'${{gmtDate:yyyy-MM-dd}}{beside}'"
    assert where_of(f"/hubs/crm/contacts?where={where}") == where


PLAIN = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
CONDITIONS = st.one_of(
    st.builds(ceql.Comparison, field=PLAIN, operator=st.sampled_from(ceql.Operator), value=PLAIN),
    st.sampled_from([f"d>'{MACRO}'", "d>=${epoch:s}"]).map(
        lambda text: ceql.parse(macros.parse(text))
    ),
)
WHERES = st.lists(CONDITIONS, max_size=2).map(lambda conditions: ceql.conjunction(*conditions))
FIELDS = st.lists(st.sampled_from(["Key", "Address/City", "a b"]), min_size=1, unique=True)
URLS = st.builds(
    HubUrl,
    resource=st.sampled_from(["contacts", "custom-records"]),
    where=WHERES,
    fields=st.none() | FIELDS.map(tuple),
    page_size=st.none() | st.integers(1, 1000).map(str),
)


@given(URLS)
def test_what_is_written_is_read_back(url: HubUrl) -> None:
    plain = ceql.render(url.where, lambda _: "") if url.where else ""
    assume("${" not in plain)
    assert parse_hub_url(write_hub_url(url, "crm"), "crm") == url
