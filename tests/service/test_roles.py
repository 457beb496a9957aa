from firstread.service.roles import Role, roles_of


def test_all_and_none_mean_every_role():
    every = {Role.SCP, Role.API, Role.WORKER}
    assert roles_of([]) == roles_of([Role.ALL]) == roles_of([Role.ALL, Role.SCP]) == every


def test_several_may_be_named():
    assert roles_of([Role.SCP, Role.API, Role.SCP]) == {Role.SCP, Role.API}
