"""The worklist in a real browser: it follows the node, people do not meet unknowingly, and every key works."""

import re
import time
from contextlib import contextmanager

import pytest
import requests

from firstread.access import Action
from firstread.archive.database import writing
from firstread.archive.models import Study
from firstread.archive.notices import tell
from firstread.archive.worklist import mark
from firstread.web import create_app
from tests.archive.samples import instances
from tests.browser import somebody, violations
from tests.network.dicomweb.conftest import running
from tests.waiting import wait_for
from tests.web.pages.samples import Doors, add_studies, key_of
from tests.workflow.samples import take, want

LINKS = ".primary-link"


@contextmanager
def node(archive, *without, within=None):
    app = create_app(archive, keep_metadata=False)
    app.state.door = Doors(*without, within=within)
    with running(app) as url:
        yield url


@pytest.fixture
def url(sqlite_archive):
    with node(sqlite_archive) as started:
        yield started


def person(browser, url, name, **options):
    return somebody(browser, url, extra_http_headers={"X-Person": name}, **options)


def names(page):
    return page.locator(LINKS).all_inner_texts()


def shows(page, count):
    """The page shows so many studies, soon."""
    wait_for(lambda: page.locator(LINKS).count() == count)


def follows(page):
    """The page has loaded, and hears what happens."""
    page.wait_for_selector("html.scripted")
    page.wait_for_selector("[data-live-sign]:not(.off):not([hidden])")


def test_the_first_visit_tells_what_to_do_and_becomes_the_worklist_when_a_study_comes(
    browser, sqlite_archive, url
):
    with somebody(browser, url) as page:
        page.goto("/")
        follows(page) if page.locator("#filters").count() else page.wait_for_selector(
            "[data-live-sign]:not([hidden])"
        )
        assert page.locator("pre").nth(2).inner_text().endswith("--to FIRSTREAD@127.0.0.1:11112")
        assert violations(page) == []
        sqlite_archive.receive(instances(1)[0], source="CT1")
        page.wait_for_selector(LINKS)
        assert page.locator("td.c-stage").inner_text().strip() == "Arriving"


def test_a_study_is_followed_from_its_arrival_to_its_result(browser, sqlite_archive, url):
    add_studies(sqlite_archive, 3, first=10)
    with somebody(browser, url) as page:
        page.goto("/")
        follows(page)
        uid = sqlite_archive.receive(instances(1)[0], source="CT1").study_uid
        row = page.locator(f'tr[data-study="{uid}"]')
        row.wait_for()
        from firstread.workflow import attempts, intake

        intake.route(sqlite_archive, uid, ())
        (job,) = want(sqlite_archive)
        held = take(sqlite_archive, job)
        attempts.tell(sqlite_archive, held, "detect", 0.5)
        page.wait_for_selector(f'tr[data-study="{uid}"] progress[value="50"]')
        chips = '[{"category": "4A", "scheme": "Lung-RADS", "mm": 9.24, "lobe": "right upper"}]'
        key = key_of(sqlite_archive, uid)
        attempts.finish(sqlite_archive, held, digest="", category="4A", deliveries=[], summary=chips)
        row.get_by_text("4A · 9.2 mm RUL").wait_for()
        with writing(sqlite_archive.engine) as connection:
            mark(connection, key, alert="minutes")
        page.wait_for_selector(f'tbody tr:first-child[data-study="{uid}"]')
        assert row.get_by_text("Not acknowledged").is_visible()


def test_two_people_do_not_read_the_same_study_unknowingly(browser, sqlite_archive, url):
    (uid,) = add_studies(sqlite_archive, 1)
    row = f'tr[data-study="{uid}"]'
    with person(browser, url, "jane") as jane, person(browser, url, "john") as john:
        for page in (jane, john):
            page.goto("/")
            follows(page)
        john.route("**/worklist/rows*", lambda route: route.abort())  # his list is old
        jane.locator(f"{row} [data-claim-button]").click()
        jane.locator(f"{row} .holder.mine").wait_for()
        claim = jane.locator(row).get_attribute("data-claim")
        john.locator(f"{row} [data-claim-button]").click()
        john.get_by_role("dialog").get_by_text("jane").wait_for()
        assert violations(john) == []
        john.unroute("**/worklist/rows*")
        john.get_by_label("Reason").fill("Jane is at lunch")
        john.get_by_role("button", name="Take over").last.click()
        john.locator(f"{row} .holder.mine").wait_for()
        jane.get_by_role("alert").get_by_text(
            "john took over a study that you had claimed: Jane is at lunch"
        ).wait_for()
        jane.locator(f"{row} .holder:not(.mine)").get_by_text("john").wait_for()
        # The list may be ahead of the event that tells why.
        jane.evaluate(
            """content => {
              document.getElementById("urgent").textContent = "";
              new BroadcastChannel("firstread-events").postMessage({ kind: "taken", content });
            }""",
            {"claim": int(claim), "by": "john", "reason": "Said late"},
        )
        jane.get_by_role("alert").get_by_text("Said late").wait_for()
        jane.goto(f"/studies/{uid}")
        assert jane.get_by_text("Taken over: Jane is at lunch").is_visible()


def test_everything_is_done_by_keyboard(browser, sqlite_archive, url):
    uids = add_studies(sqlite_archive, 120)
    with somebody(browser, url) as page:
        page.goto("/")
        follows(page)
        shown = names(page)
        for key, at in (("j", 0), ("j", 1), ("j", 2), ("k", 1), ("ArrowDown", 2), ("ArrowUp", 1)):
            page.keyboard.press(key)
            assert page.evaluate("document.activeElement.textContent") == shown[at]
        page.keyboard.press("c")
        page.locator("tbody tr").nth(1).locator(".holder.mine").wait_for()
        assert page.evaluate("document.activeElement.textContent") == shown[1]
        page.keyboard.press("c")
        page.locator("tbody tr").nth(1).locator(".holder").wait_for(state="detached")
        page.keyboard.press("n")
        page.wait_for_url("**/?page=2")
        shows(page, 20)
        page.keyboard.press("p")
        shows(page, 100)
        page.keyboard.press("/")
        page.keyboard.type("A000007")
        shows(page, 1)
        assert "q=A000007" in page.url
        page.keyboard.press("Escape")
        page.keyboard.press("j")
        page.keyboard.press("Enter")
        page.wait_for_url(f"**/studies/{uids[7]}/view")
        page.go_back()
        follows(page)
        page.keyboard.press("g")
        page.keyboard.press("j")
        page.wait_for_url("**/jobs")


def test_filters_are_in_the_address_and_a_view_keeps_them(browser, sqlite_archive, url):
    add_studies(sqlite_archive, 60)
    with somebody(browser, url) as page:
        page.goto("/")
        follows(page)
        page.get_by_label("Modality").select_option("DX")
        wait_for(lambda: set(page.locator(".c-study b").all_inner_texts()) == {"DX"})
        page.locator('[data-stage="failed"]').click()
        page.wait_for_url(re.compile("modality=DX&stage=failed"))
        page.locator('th [data-sort="name"]').click()
        page.wait_for_url(
            re.compile("stage=failed.*sort=name")
        )  # even before the list of the failed is there
        page.wait_for_selector("th.c-patient[aria-sort]")
        failed = names(page)
        assert failed == sorted(failed, key=str.casefold) and failed
        page.get_by_role("button", name="Save view").click()
        page.get_by_label("Name", exact=True).fill("Failed X-rays")
        page.get_by_role("dialog").get_by_role("button", name="Save view").click()
        page.wait_for_url(re.compile("stage=failed"))
        page.goto("/")
        page.get_by_text("Views").click()
        page.get_by_role("link", name="Failed X-rays").click()
        page.wait_for_selector("th.c-patient[aria-sort]")
        assert names(page) == failed
        page.go_back()
        page.locator("[data-stage=open][aria-current]").wait_for()
        assert len(names(page)) > len(failed)


def test_no_page_has_serious_violations_in_either_language(browser, sqlite_archive, url):
    uids = add_studies(sqlite_archive, 20)
    with writing(sqlite_archive.engine) as connection:
        mark(connection, 3, alert="minutes")
        mark(connection, 4, report="signed")
    for lang in ("en", "zh"):
        with somebody(browser, url, lang=lang) as page:
            for path in ("/", "/?q=nobody", "/jobs", f"/studies/{uids[2]}", "/studies/1.2.3"):
                page.goto(path)
                assert violations(page) == [], path
    with somebody(browser, url, size=(390, 844)) as page:
        page.goto("/")
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
    with somebody(browser, url, tour=True) as page:
        page.goto("/")
        page.get_by_role("dialog").wait_for()
        assert violations(page) == []
        for _ in range(4):
            page.locator("[data-next]").click()
        page.reload()
        follows(page)
        assert not page.get_by_role("dialog").is_visible()


def test_what_may_not_be_done_is_not_offered_and_not_done(browser, sqlite_archive):
    (uid,) = add_studies(sqlite_archive, 1)
    with (
        node(sqlite_archive, Action.EDIT_REPORT, Action.MANAGE_JOBS, Action.DELETE_STUDY) as url,
        somebody(browser, url) as page,
    ):
        page.goto("/")
        assert page.locator("[data-claim-button]").count() == 0
        page.goto(f"/studies/{uid}")
        assert page.locator("main form").count() == 0
        for path in (f"/worklist/{uid}/claim", "/jobs/1/cancel", f"/studies/{uid}/hold"):
            assert requests.post(url + path, timeout=10).status_code == 403


def test_a_study_that_may_not_be_seen_is_as_one_that_is_not_there(sqlite_archive):
    mine, other = add_studies(sqlite_archive, 2)
    with node(sqlite_archive, within=Study.study_uid == mine) as url:
        for method, path in (
            ("get", "/studies/{}"), ("post", "/worklist/{}/claim"), ("post", "/worklist/{}/release"),
            ("post", "/studies/{}/hold"), ("get", "/studies/{}/results/2/report.html"),
        ):  # fmt: skip
            answers = [
                requests.request(method, url + path.format(uid), timeout=10) for uid in (other, "1.2.3")
            ]
            assert {answer.status_code for answer in answers} == {404}, path
            assert answers[0].text == answers[1].text
        assert requests.post(f"{url}/jobs/2/cancel", timeout=10).status_code == 404
        for path in ("/", "/worklist/rows?stage=all", "/jobs"):
            assert other not in requests.get(url + path, timeout=10).text


@pytest.fixture(scope="module")
def long_list(tmp_path_factory):
    from firstread.archive import open_archive

    with open_archive(tmp_path_factory.mktemp("long") / "archive") as archive:
        add_studies(archive, 5000)
        yield archive


def test_five_thousand_studies_are_filtered_and_sorted_at_once(browser, long_list):
    with node(long_list) as url, somebody(browser, url) as page:
        page.goto("/")
        follows(page)
        assert page.locator("[data-stage=all] .number").inner_text() == "5000"
        assert len(names(page)) == 100
        took = []
        for asked in (
            "?sort=name",
            "?stage=failed",
            "?modality=DX&sort=waiting",
            "?q=doe",
            "?whose=free&sort=stage",
        ):
            began = time.thread_time()
            answer = requests.get(f"{url}/worklist/rows{asked}", timeout=30)
            took.append(answer.elapsed.total_seconds())
            assert answer.status_code == 200 and time.thread_time() - began < 1
        assert min(took) < 1.0  # benchmarks/worklist.py says how long; other tests run beside this one


def test_a_storm_of_events_leaves_the_page_responsive(browser, sqlite_archive, url):
    uids = add_studies(sqlite_archive, 100)
    keys = [key_of(sqlite_archive, uid) for uid in uids]
    with somebody(browser, url) as page:
        page.goto("/")
        follows(page)
        page.wait_for_timeout(1500)
        asked = []
        page.on("request", lambda request: asked.append(request.url.partition("?")[0].removeprefix(url)))
        page.evaluate(
            "() => { window.longest = 0; let last = performance.now();"
            " window.beat = setInterval(() => { const at = performance.now();"
            " window.longest = Math.max(window.longest, at - last); last = at; }, 20); }"
        )
        began = time.monotonic()
        for n in range(300):
            with writing(sqlite_archive.engine) as connection:
                kind = "alert" if n % 2 else "study"
                tell(connection, kind, study_key=keys[n % 100], content={"alert": n} if n % 2 else None)
            if n == 150:
                page.locator("#filters [name=sort]").select_option("name")
            time.sleep(max(0.0, began + n / 100 - time.monotonic()))
        page.keyboard.press("j")
        assert page.evaluate("document.activeElement.className") == "primary-link"
        wait_for(lambda: (shown := names(page)) and shown == sorted(shown))
        times = asked.copy()
        seconds = time.monotonic() - began
        assert times.count("/worklist/rows") <= seconds + 3  # at most one a second, and the filter's
        assert 1 <= times.count("/api/alerts/mine") <= seconds / 0.3 + 3  # one in 300 ms
        assert page.evaluate("window.longest") < 4000  # a page that is drowned answers after the storm


def test_a_click_that_has_begun_is_not_lost_on_a_page_that_follows(browser, sqlite_archive, url):
    uids = add_studies(sqlite_archive, 30)
    with somebody(browser, url) as page:
        page.goto("/jobs")
        page.wait_for_selector("[data-live-sign]:not(.off):not([hidden])")
        link = page.locator('[data-follow="study"] tbody a').first
        place = link.get_attribute("href")
        link.hover()
        page.mouse.down()
        with (
            page.expect_response(
                lambda answer: answer.request.resource_type == "fetch" and answer.ok
            ) as heard,
            writing(sqlite_archive.engine) as connection,
        ):
            tell(connection, "study", study_key=key_of(sqlite_archive, uids[0]))
        heard.value.finished()
        page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        page.mouse.up()
        page.wait_for_url(f"**{place}")


def test_forms_work_without_scripts(browser, sqlite_archive, url):
    (uid,) = add_studies(sqlite_archive, 1)
    with somebody(browser, url, java_script_enabled=False) as page:
        page.goto("/")
        page.locator("[data-claim-button]").click()
        page.locator(".holder.mine").wait_for()
        page.goto(f"/studies/{uid}")
        page.get_by_role("button", name="Hold").click()
        assert page.get_by_text("Held: retention leaves it").is_visible() or page.goto(f"/studies/{uid}")
        assert page.get_by_text("Held: retention leaves it").is_visible()


def test_a_door_of_rights_serves_every_page_to_whoever_calls_from_here(sqlite_archive):
    from firstread.access.door import RightsDoor
    from firstread.access.rights import Rights

    door = RightsDoor(Rights(sqlite_archive.engine), local_roles=frozenset({"administrator"}))
    with running(create_app(sqlite_archive, door=door, keep_metadata=False)) as url:
        for fill in (lambda: None, lambda: add_studies(sqlite_archive, 3)):
            fill()
            for path in ("/", "/jobs", "/worklist/rows"):
                assert (
                    requests.get(url + path, headers={"Accept": "text/html"}, timeout=10).status_code == 200
                )
