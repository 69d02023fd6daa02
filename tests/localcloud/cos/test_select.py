"""SELECT Object Content through the SDK's own reader, and the frames byte by byte."""

import bz2
import gzip
import json
import struct
import zlib

import pytest
from qcloud_cos import CosServiceError

PEOPLE = (
    "name,age,city,note\n"
    "Ann,30,Berlin,\n"
    'Bob,7,"New York, NY","said ""hi"""\n'
    "Cäsar,55,Rom,x_y\n"
    "Dan,,Berlin,100%\n"
)
LINES = [
    {"name": "Ann", "age": 30, "tags": ["a", "b"], "at": {"city": "Berlin"}, "score": 1.50},
    {"name": "Bob", "age": 7, "tags": [], "at": {"city": "Rom"}, "ok": True},
    {"name": "Cäsar", "age": None, "at": None, "score": 2},
]


@pytest.fixture(scope="module")
def bucket(cloud):
    name, client = cloud.new_bucket(), cloud.client()
    text = "\n".join(json.dumps(line, ensure_ascii=False) for line in LINES)
    objects = {
        "people.csv": PEOPLE.encode(),
        "people.csv.gz": gzip.compress(PEOPLE.encode()),
        "people.csv.bz2": bz2.compress(PEOPLE.encode()),
        "lines.json": text.encode(),
        "list.json": json.dumps(LINES).encode(),
        "deep.json": json.dumps({"top": {"items": [{"v": 1}, {"v": 2}]}, "n": 5}).encode(),
        "numbers.csv": "\n".join(f"{n},{n * 2}" for n in range(1, 101)).encode(),
    }
    for key, body in objects.items():
        client.put_object(Bucket=name, Key=key, Body=body)
    return name


@pytest.fixture
def select(client, bucket):
    def run(expression, key="people.csv", *, source=None, output="CSV", compression="NONE", **more):
        if source is None and key.endswith(".json"):
            source = {"JSON": {"Type": "LINES" if key == "lines.json" else "DOCUMENT"}}
        source = source or {"CSV": {"FileHeaderInfo": "USE"}}
        target = {output: {"RecordDelimiter": "\n"}} if isinstance(output, str) else output
        answer = client.select_object_content(
            Bucket=bucket, Key=key, Expression=expression, ExpressionType="SQL",
            InputSerialization={"CompressionType": compression, **source},
            OutputSerialization=target, **more,
        )  # fmt: skip
        return answer["Payload"].get_select_result().decode()

    return run


@pytest.fixture
def refused(select):
    def run(*arguments, **options):
        with pytest.raises(CosServiceError) as caught:
            select(*arguments, **options)
        return caught.value.get_error_code()

    return run


def literal(select, expression):
    return select(f"SELECT {expression} FROM COSObject LIMIT 1").rstrip("\n")  # noqa: S608 - COS Select


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("select name from cosobject", "Ann\nBob\nCäsar\nDan\n"),
        ("SELECT * FROM COSObject s WHERE s.name = 'Ann'", "Ann,30,Berlin,\n"),
        ("SELECT s._1, _2 FROM COSObject AS s LIMIT 2", "Ann,30\nBob,7\n"),
        ("SELECT * FROM COSObject LIMIT 0", ""),
        ("SELECT name FROM COSObject WHERE age > 20", "Ann\nCäsar\n"),
        ("SELECT name FROM COSObject WHERE age BETWEEN 7 AND 30", "Ann\nBob\n"),
        ("SELECT name FROM COSObject WHERE age NOT BETWEEN 7 AND 30", "Cäsar\n"),
        ("SELECT name FROM COSObject WHERE city IN ('Rom', 'Paris')", "Cäsar\n"),
        ("SELECT name FROM COSObject WHERE city NOT IN ('Rom', 'Berlin')", "Bob\n"),
        ("SELECT name FROM COSObject WHERE name LIKE '_a%'", "Dan\n"),
        ("SELECT name FROM COSObject WHERE name LIKE '%s_r'", "Cäsar\n"),
        ("SELECT name FROM COSObject WHERE note LIKE '%!_%' ESCAPE '!'", "Cäsar\n"),
        ("SELECT name FROM COSObject WHERE note LIKE '%$%' ESCAPE '$'", "Dan\n"),
        ("SELECT name FROM COSObject WHERE NOT (city = 'Rom' OR city = 'Berlin')", "Bob\n"),
        ("SELECT name FROM COSObject WHERE city='Berlin' AND age>1", "Ann\n"),
        ("SELECT name FROM COSObject WHERE age IS NULL", ""),
        ("SELECT name FROM COSObject WHERE age = ''", "Dan\n"),
        ('SELECT "name" AS n FROM COSObject WHERE "city" <> \'Berlin\' LIMIT 1;', "Bob\n"),
        ("SELECT COUNT(*), MIN(name), MAX(name) FROM COSObject", "4,Ann,Dan\n"),
        ("SELECT COUNT(*) FROM COSObject WHERE city = 'Paris'", "0\n"),
        ("SELECT SUM(CAST(age AS INT)) FROM COSObject WHERE age != ''", "92\n"),
        ("SELECT city FROM COSObject WHERE name = 'Bob'", '"New York, NY"\n'),
        ("SELECT note FROM COSObject WHERE name = 'Bob'", '"said ""hi"""\n'),
    ],
)
def test_csv_with_a_header(select, expression, expected):
    assert select(expression) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("1 + 2 * 3 - 4", "3"),
        ("(1 + 2) * 3", "9"),
        ("7 / 2", "3"),
        ("-7 / 2", "-3"),
        ("-7 % 3", "-1"),
        ("7.0 / 2", "3.5"),
        ("0.1 + 0.2", "0.3"),
        ("'4' + 1", "5"),
        ("'a' || 'b' || 1", "ab1"),
        ("- - 3", "3"),
        ("1 < 2", "true"),
        ("'10' < '9'", "true"),
        ("'10' < 9", "false"),
        ("NULL = NULL", ""),
        ("NULL IS NULL", "true"),
        ("TRUE AND NULL", ""),
        ("FALSE AND NULL", "false"),
        ("TRUE OR NULL", "true"),
        ("NOT FALSE", "true"),
        ("CAST('12' AS INT)", "12"),
        ("CAST(' 1.50 ' AS DECIMAL(10, 2))", "1.50"),
        ("CAST('1e2' AS FLOAT)", "100.0"),
        ("CAST(3.9 AS INT)", "3"),
        ("CAST('TRUE' AS BOOL)", "true"),
        ("CAST(5 AS STRING) || 'x'", "5x"),
        ("CAST('2007-04-05T14:30Z' AS TIMESTAMP)", "2007-04-05T14:30:00Z"),
        ("COALESCE(NULL, MISSING, 3)", "3"),
        ("NULLIF(1, 1)", ""),
        ("NULLIF(1, 2)", "1"),
        ("CHAR_LENGTH('图片x')", "3"),
        ("LOWER('ÄB') || UPPER('cd')", "äbCD"),
        ("SUBSTRING('123456789', 5)", "56789"),
        ("SUBSTRING('123456789', 0)", "123456789"),
        ("SUBSTRING('123456789', -1, 4)", "12"),
        ("SUBSTRING('123456789' FROM 5 FOR 3)", "567"),
        ("TRIM('  a  ') || '|'", "a|"),
        ("TRIM(LEADING FROM '  a ') || '|'", "a |"),
        ("TRIM(BOTH '12' FROM '1112foo22211')", "foo"),
        ("TRIM(TRAILING 'x' FROM 'axx')", "a"),
        ("EXTRACT(YEAR FROM TO_TIMESTAMP('2010-01-02T'))", "2010"),
        ("EXTRACT(MINUTE FROM '2010-01-02T03:04:05+07:08')", "4"),
        ("EXTRACT(TIMEZONE_HOUR FROM '2010-01-02T03:04:05+07:08')", "7"),
        ("DATE_ADD(MONTH, 1, CAST('2010-01-31' AS TIMESTAMP))", "2010-02-28T00:00:00Z"),
        ("DATE_ADD(DAY, -1, '2010-03-01T')", "2010-02-28T00:00:00Z"),
        ("DATE_DIFF(YEAR, '2010-01-01T', '2011-01-01T')", "1"),
        ("DATE_DIFF(MONTH, '2010-01-31T', '2010-03-30T')", "1"),
        ("DATE_DIFF(DAY, '2010-01-01T23:00Z', '2010-01-02T01:00Z')", "0"),
        ("TO_STRING(CAST('1969-07-20T20:18Z' AS TIMESTAMP), 'MMMM d y h:m a')",
         "July 20 1969 8:18 PM"),
        ("TO_STRING(TO_TIMESTAMP('1969-07-20T20:18:05Z'), 'yyyyMMdd''T''HHmmssX')",
         "19690720T201805Z"),
        ("UTCNOW() > CAST('2020T' AS TIMESTAMP)", "true"),
    ],
)  # fmt: skip
def test_expressions(select, expression, expected):
    assert literal(select, expression) == expected


@pytest.mark.parametrize(
    ("expression", "code"),
    [
        ("1 / 0", "DivideByZero"),
        ("9223372036854775807 + 1", "IntegerOverflow"),
        ("'x' * 2", "EvaluatorInvalidArguments"),
        ("CAST('x' AS INT)", "CastFailed"),
        ("CAST('2010-13-01' AS TIMESTAMP)", "CastFailed"),
        ("NOPE(1)", "UnsupportedFunction"),
        ("LOWER()", "ParseUnexpectedToken"),
        ("LOWER(1, 2)", "EvaluatorInvalidArguments"),
        ("CAST(name AS INT)", "CastFailed"),
        ("missing_column", "MissingHeaders"),
        ("SUM(COUNT(*))", "UnsupportedSyntax"),
        ("name, COUNT(*)", "UnsupportedSyntax"),
        ("(" * 200 + "1" + ")" * 200, "ExpressionTooDeep"),
        ("+".join("1" * 500), "ExpressionTooDeep"),
        ("1 2", "ParseUnexpectedToken"),
        ("CAST(1 AS BLOB)", "ParseUnexpectedToken"),
        ("`a`", "LexerInvalidChar"),
        ("'open", "LexerInvalidChar"),
        ("name.x", "InvalidColumnIndex"),
        ("_0", "MissingHeaders"),
        ("", "ParseUnexpectedToken"),
    ],
)
def test_expressions_that_cannot_be(refused, expression, code):
    assert refused(f"SELECT {expression} FROM COSObject") == code  # noqa: S608 - COS Select


@pytest.mark.parametrize(
    ("expression", "code"),
    [
        ("DELETE FROM COSObject", "ParseUnexpectedToken"),
        ("SELECT * FROM other", "ParseUnexpectedToken"),
        ("SELECT *", "ParseUnexpectedToken"),
        ("SELECT * FROM COSObject WHERE", "ParseUnexpectedToken"),
        ("SELECT * FROM COSObject LIMIT x", "ParseUnexpectedToken"),
        ("SELECT * FROM COSObject LIMIT -1", "ParseUnexpectedToken"),
        ("SELECT * FROM COSObject ORDER BY name", "ParseUnexpectedToken"),
        ("SELECT * FROM COSObject; DROP", "ParseUnexpectedToken"),
        ("SELECT * FROM COSObject WHERE COUNT(*) > 1", "UnsupportedSyntax"),
        ("SELECT * FROM COSObject WHERE name", "EvaluatorInvalidArguments"),
        ("SELECT '" + "x" * 300_000 + "' FROM COSObject", "ExpressionTooLong"),
        ("   ", "MissingRequiredParameter"),
    ],
)
def test_commands_that_cannot_be(refused, expression, code):
    assert refused(expression) == code


@pytest.mark.parametrize(
    ("key", "expression", "expected"),
    [
        ("lines.json", "SELECT s.name, s.at.city FROM COSObject s",
         "Ann,Berlin\nBob,Rom\nCäsar,\n"),
        ("lines.json", "SELECT s.tags[1] FROM COSObject s LIMIT 1", "b\n"),
        ("lines.json", "SELECT name FROM COSObject s WHERE s.tags IS MISSING", "Cäsar\n"),
        ("lines.json", "SELECT name FROM COSObject WHERE ok", "Bob\n"),
        ("lines.json", "SELECT AVG(s.age), COUNT(s.score) FROM COSObject s", "18.5,2\n"),
        ("lines.json", "SELECT SUM(s.score) FROM COSObject[*] s", "3.5\n"),
        ("list.json", "SELECT s.name FROM COSObject[*] s LIMIT 2", "Ann\nBob\n"),
        ("deep.json", "SELECT s.v FROM COSObject.top.items[*] s", "1\n2\n"),
        ("deep.json", "SELECT s.top.items[1].v, s.N FROM COSObject s", "2,5\n"),
    ],
)  # fmt: skip
def test_json(select, key, expression, expected):
    assert select(expression, key) == expected


def test_json_as_json(select):
    rows = select("SELECT * FROM COSObject", "lines.json", output="JSON").splitlines()
    assert [json.loads(row) for row in rows] == LINES
    rows = select("SELECT s.name AS n, s.ok FROM COSObject s", "lines.json", output="JSON")
    assert rows.splitlines() == ['{"n":"Ann"}', '{"n":"Bob","ok":true}', '{"n":"Cäsar"}']
    [row] = select("SELECT score FROM COSObject LIMIT 1", "lines.json", output="JSON").splitlines()
    assert row == '{"score":1.5}'


def test_csv_as_json(select):
    [row] = select("SELECT * FROM COSObject LIMIT 1", output="JSON").splitlines()
    assert json.loads(row) == {"name": "Ann", "age": "30", "city": "Berlin", "note": ""}
    none = {"CSV": {"FileHeaderInfo": "NONE"}}
    [row] = select("SELECT * FROM COSObject LIMIT 1", output="JSON", source=none).splitlines()
    assert json.loads(row) == {"_1": "name", "_2": "age", "_3": "city", "_4": "note"}


@pytest.mark.parametrize(("key", "kind"), [("people.csv.gz", "GZIP"), ("people.csv.bz2", "BZIP2")])
def test_compressed(select, refused, key, kind):
    names = "SELECT name FROM COSObject"
    assert select(names, key, compression=kind) == "Ann\nBob\nCäsar\nDan\n"
    assert refused(names, "people.csv", compression=kind) == "InvalidCompressionFormat"


def test_headers_used_ignored_or_data(select):
    names = "SELECT _1 FROM COSObject"
    for info, expected in (
        ("NONE", "name\nAnn\n"),
        ("IGNORE", "Ann\nBob\n"),
        ("USE", "Ann\nBob\n"),
    ):
        assert select(names, source={"CSV": {"FileHeaderInfo": info}}).startswith(expected)


@pytest.mark.parametrize(
    ("text", "options", "expected"),
    [
        ("a;b|c;d", {"FieldDelimiter": ";", "RecordDelimiter": "|"}, "b\nd\n"),
        ("a,b\r\nc,d\r\n", {}, "b\nd\n"),
        ("a,b\r\nc,d\r\n", {"RecordDelimiter": "\\r\\n"}, "b\nd\n"),
        ("#x,y\na,b\n", {"Comments": "#"}, "b\n"),
        ("1,'b,c'\n2,'it''s'", {"QuoteCharacter": "'", "QuoteEscapeCharacter": "'"},
         '"b,c"\nit\'s\n'),
        ('1,"a\\"b"\n', {"QuoteEscapeCharacter": "\\"}, '"a""b"\n'),
        ('1,"two\nlines"\n2,x', {"AllowQuotedRecordDelimiter": "TRUE"}, '"two\nlines"\nx\n'),
        ("a,b\n\nc,d\n", {}, "b\nd\n"),
        ("\ufeffa,b", {}, "b\n"),
        ("a\nc,d", {}, "\nd\n"),
    ],
)  # fmt: skip
def test_kinds_of_csv(client, bucket, select, text, options, expected, request):
    key = f"kind-{zlib.crc32(request.node.name.encode())}"
    client.put_object(Bucket=bucket, Key=key, Body=text.encode())
    source = {"CSV": {"FileHeaderInfo": "NONE", **options}}
    assert select("SELECT _2 FROM COSObject", key, source=source) == expected


@pytest.mark.parametrize(
    ("body", "source", "code"),
    [
        (b'"open,x\n', "CSV", "CSVUnescapedQuote"),
        (b'"a"b,x\n', "CSV", "CSVParsingError"),
        (b"\xff\xfe,x\n", "CSV", "InvalidTextEncoding"),
        (b"x" * (1_100_000), "CSV", "OverMaxRecordSize"),
        (b"{broken", "LINES", "JSONParsingError"),
        (b'{"a":1} {"b":2}', "LINES", "JSONParsingError"),
        (b"[" * 200_000, "DOCUMENT", "JSONParsingError"),
        (b"1" * 5000, "DOCUMENT", "JSONParsingError"),
        (b"\xff", "DOCUMENT", "InvalidTextEncoding"),
    ],
)
def test_objects_that_are_not_what_they_should_be(client, bucket, refused, body, source, code):
    client.put_object(Bucket=bucket, Key=f"bad-{code}", Body=body)
    form = {"CSV": {"FileHeaderInfo": "NONE"}} if source == "CSV" else {"JSON": {"Type": source}}
    assert refused("SELECT * FROM COSObject", f"bad-{code}", source=form) == code


def test_output_as_it_is_asked_for(select):
    output = {"CSV": {"QuoteFields": "ALWAYS", "FieldDelimiter": ";", "RecordDelimiter": "|",
                      "QuoteCharacter": "'", "QuoteEscapeCharacter": "\\"}}  # fmt: skip
    found = select("SELECT name, 'it''s' FROM COSObject LIMIT 2", output=output)
    assert found == "'Ann';'it\\'s'|'Bob';'it\\'s'|"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"ExpressionType": "XPATH"}, "InvalidExpressionType"),
        ({"InputSerialization": {"CompressionType": "ZIP", "CSV": {}}}, "InvalidCompressionFormat"),
        ({"InputSerialization": {"JSON": {"Type": "TREE"}}}, "InvalidJsonType"),
        ({"InputSerialization": {"CSV": {"FileHeaderInfo": "MAYBE"}}}, "InvalidFileHeaderInfo"),
        ({"InputSerialization": {"CSV": {"FieldDelimiter": ",,"}}}, "InvalidTextEncoding"),
        ({"InputSerialization": {"CompressionType": "NONE"}}, "InvalidDataSource"),
        ({"InputSerialization": {"Parquet": {}}}, "NotImplemented"),
        ({"OutputSerialization": {"CSV": {"QuoteFields": "SOME"}}}, "InvalidQuoteFields"),
        ({"OutputSerialization": {}}, "InvalidDataSource"),
    ],
)
def test_requests_that_cannot_be(client, bucket, code_of, change, code):
    request = {
        "Expression": "SELECT * FROM COSObject", "ExpressionType": "SQL",
        "InputSerialization": {"CSV": {"FileHeaderInfo": "USE"}},
        "OutputSerialization": {"CSV": {"RecordDelimiter": "\n"}}, **change,
    }  # fmt: skip
    found = code_of(client.select_object_content, Bucket=bucket, Key="people.csv", **request)
    assert found[1] == code


def test_what_cannot_be_selected_from(client, bucket, refused):
    client.put_object(Bucket=bucket, Key="cold.csv", Body=b"a", StorageClass="ARCHIVE")
    assert refused("SELECT * FROM COSObject", "cold.csv") == "InvalidObjectState"
    assert refused("SELECT * FROM COSObject", "none.csv") == "NoSuchKey"


def events(data):
    """The frames of an answer, each CRC checked: (headers, payload)."""
    found = []
    while data:
        total, length, crc = struct.unpack(">III", data[:12])
        assert crc == zlib.crc32(data[:8])
        message, data = data[:total], data[total:]
        assert struct.unpack(">I", message[-4:])[0] == zlib.crc32(message[:-4])
        fields, headers = message[12 : 12 + length], {}
        while fields:
            size = fields[0]
            name = fields[1 : 1 + size].decode()
            kind, count = struct.unpack(">BH", fields[1 + size : 4 + size])
            assert kind == 7
            headers[name] = fields[4 + size : 4 + size + count].decode()
            fields = fields[4 + size + count :]
        found.append((headers, message[12 + length : -4]))
    return found


def body(expression, progress="false"):
    return (
        f"<SelectRequest><Expression>{expression}</Expression><ExpressionType>SQL</ExpressionType>"
        f"<RequestProgress><Enabled>{progress}</Enabled></RequestProgress>"
        "<InputSerialization><CSV/></InputSerialization>"
        "<OutputSerialization><CSV/></OutputSerialization></SelectRequest>"
    )


def test_the_frames(signed):
    rows = b"".join(b"%d,abcdefghij\n" % number for number in range(30_000))
    signed("PUT", "/big.csv", data=rows)
    params = {"select": "", "select-type": "2"}
    answer = signed("POST", "/big.csv", params=params, data=body("SELECT * FROM COSObject", "true"))
    found = events(answer.content)
    kinds = [headers[":event-type"] for headers, _ in found]
    assert kinds[-2:] == ["Stats", "End"]
    assert "Progress" in kinds
    assert {headers[":message-type"] for headers, _ in found} == {"event"}
    records = [payload for headers, payload in found if headers[":event-type"] == "Records"]
    assert len(records) > 1
    assert b"".join(records) == rows
    stats = next(payload for headers, payload in found if headers[":event-type"] == "Stats")
    for name in ("BytesScanned", "BytesProcessed", "BytesReturned"):
        assert f"<{name}>{len(rows)}</{name}>".encode() in stats


def test_an_error_behind_some_records_is_an_event(signed):
    rows = b"1\n" * 200_000 + b"x\n"
    signed("PUT", "/big.csv", data=rows)
    params = {"select": "", "select-type": "2"}
    expression = "SELECT CAST(_1 AS INT) FROM COSObject"
    answer = signed("POST", "/big.csv", params=params, data=body(expression))
    assert answer.status_code == 200
    *before, (headers, payload) = events(answer.content)
    assert b"".join(payload for _, payload in before).startswith(b"1\n1\n")
    assert payload == b""
    assert headers[":message-type"] == "error"
    assert headers[":error-code"] == "CastFailed"
    assert "'x'" in headers[":error-message"]


def test_a_pattern_of_many_wildcards_takes_no_time(client, bucket, select):
    client.put_object(Bucket=bucket, Key="long.csv", Body=b"a" * 900_000)
    pattern = "%a" * 60 + "%b"
    source = {"CSV": {"FileHeaderInfo": "NONE"}}
    expression = f"SELECT COUNT(*) FROM COSObject WHERE _1 LIKE '{pattern}'"  # noqa: S608
    found = select(expression, "long.csv", source=source)
    assert found == "0\n"


def test_a_client_that_leaves_leaves_nothing_behind(cloud, client, bucket, select):
    rows = b"".join(b"%d,abcdefghij\n" % number for number in range(400_000))
    client.put_object(Bucket=bucket, Key="huge.csv", Body=rows)
    answer = client.select_object_content(
        Bucket=bucket, Key="huge.csv", Expression="SELECT * FROM COSObject", ExpressionType="SQL",
        InputSerialization={"CSV": {"FileHeaderInfo": "NONE"}},
        OutputSerialization={"CSV": {"RecordDelimiter": "\n"}},
    )  # fmt: skip
    stream = answer["Payload"]
    next(stream)
    stream._rt.close()
    assert select("SELECT COUNT(*) FROM COSObject") == "4\n"


def test_aggregates_over_many(select):
    source = {"CSV": {"FileHeaderInfo": "NONE"}}
    found = select(
        "SELECT SUM(CAST(_1 AS INT)), AVG(CAST(_2 AS DECIMAL)), MAX(CAST(_1 AS INT)) - 1, COUNT(*) "
        "FROM COSObject",
        "numbers.csv",
        source=source,
    )
    assert found == "5050,101,99,100\n"
